// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Placement is a pod that another scheduler has placed.
type Placement struct {
	// Pod with its node.
	Pod *v1.Pod
	// Profile that is asked; it must be one of the scheduler's.
	Profile string
	// Later returns pods that were placed after it, with their nodes: they were not there when it was decided. It is asked once the nodes are
	// copied, so that it knows all that are on them. Nil is none.
	Later func() []*v1.Pod
	// Without are nodes to do without.
	Without []string
	// Moved are pods that are taken to be on another node than they are on.
	Moved []Moved
	// Draw returns a number from 0 to n-1. It draws among nodes that score the same.
	Draw func(n int) int
}

// Moved is a pod with its node, and the node that it is taken to be on.
type Moved struct {
	Pod *v1.Pod
	To  string
}

// Place says where the profile would have placed the pod: on the nodes as they are now, without the pod and without those that came later.
func (e *Evaluator) Place(ctx context.Context, p Placement) (*decision.Placed, error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	defer e.lister.current.Store(newNodes(nil)) // and let go of them
	all, err := e.turns.copyNodes(ctx)
	if err != nil {
		return nil, err
	}
	seen, r, err := e.asIfUnplaced(ctx, all, &p)
	if err != nil {
		return nil, err
	}
	theirs := p.Pod.Spec.NodeName
	out := &decision.Placed{Nodes: len(seen.all), Feasible: len(r.scores)}
	if e.options.Read != nil {
		out.Epoch = e.options.Read().Epoch()
	}
	best := r.choice(theirs)
	out.Node, out.Total, out.Alike = best.Node, best.Total, best.Alike
	if best.Node != theirs && best.Alike > 1 {
		out.Node = r.scores[p.Draw(best.Alike)].Name // The best come first.
	}
	out.TheirsRefused = "the node is gone"
	if seen.byName[theirs] != nil {
		out.TheirsRefused = ""
	}
	for i := range r.scores {
		if r.scores[i].Name == theirs {
			out.TheirTotal = r.scores[i].TotalScore
		}
	}
	if status := r.refused[theirs]; status != nil {
		out.TheirsRefused = decision.Cut(strings.Join(status.Reasons(), ", "))
	} else if r.pre != nil {
		out.TheirsRefused = decision.Cut(r.pre.Message())
	}
	if v := viewIn(r.state); v != nil {
		expected := func(node string) float64 {
			info := seen.byName[node]
			if info == nil {
				return 0
			}
			use, _ := v.View.Expected(v.state, info)
			return use[forecast.CPU]
		}
		out.Expected, out.TheirExpected = expected(out.Node), expected(theirs)
	}
	return out, nil
}

// asIfUnplaced asks the profile about the pod as if it had no node, on copies of the nodes, as they were before it was placed. It answers
// decision.ErrNotYet where the pod is not on its node yet. The caller holds the lock, and lets go of the lister's nodes.
func (e *Evaluator) asIfUnplaced(ctx context.Context, all []fwk.NodeInfo, p *Placement) (*nodes, *answers, error) {
	f := e.profiles[p.Profile]
	if f == nil {
		return nil, nil, fmt.Errorf("%w places pods of %q", ErrNoProfile, p.Profile)
	}
	for _, info := range all {
		if info.Node().Name == p.Pod.Spec.NodeName && !holds(info, p.Pod) {
			return nil, nil, decision.ErrNotYet
		}
	}
	pod := *p.Pod
	pod.Spec.NodeName, pod.Status.NominatedNodeName = "", ""
	seen := newNodes(before(ctx, all, p))
	e.lister.current.Store(seen)
	r, err := ask(ctx, f, seen, &pod)
	return seen, r, err
}

// before returns the nodes as they were before the pod was placed, and those after it, with moved pods where they are taken to be.
func before(ctx context.Context, all []fwk.NodeInfo, p *Placement) []fwk.NodeInfo {
	gone := map[string][]*v1.Pod{p.Pod.Spec.NodeName: {p.Pod}}
	if p.Later != nil {
		for _, later := range p.Later() {
			gone[later.Spec.NodeName] = append(gone[later.Spec.NodeName], later)
		}
	}
	from, come := map[string][]*Moved{}, map[string][]*v1.Pod{}
	for i := range p.Moved {
		m := &p.Moved[i]
		from[m.Pod.Spec.NodeName] = append(from[m.Pod.Spec.NodeName], m)
	}
	for _, info := range all {
		name := info.Node().Name
		for _, m := range from[name] {
			if holds(info, m.Pod) { // else it is gone by now
				gone[name] = append(gone[name], m.Pod)
				come[m.To] = append(come[m.To], m.Pod)
			}
		}
	}
	log := klog.FromContext(ctx)
	seen := make([]fwk.NodeInfo, 0, len(all))
	for _, info := range all {
		name := info.Node().Name
		if slices.Contains(p.Without, name) {
			continue
		}
		if len(gone[name])+len(come[name]) == 0 {
			seen = append(seen, info)
			continue
		}
		changed := info.Snapshot()
		for _, g := range gone[name] {
			if holds(info, g) {
				// It fails for a pod that is not there only.
				_ = changed.RemovePod(log, g)
			}
		}
		for _, c := range come[name] {
			pod := *c
			pod.Spec.NodeName = name
			if added, err := framework.NewPodInfo(&pod); err == nil {
				changed.AddPodInfo(added)
			}
		}
		seen = append(seen, changed)
	}
	return seen
}

// holds says whether the pod is on the node. One of the same name may have come in its place.
func holds(info fwk.NodeInfo, pod *v1.Pod) bool {
	for _, p := range info.GetPods() {
		if on := p.GetPod(); on.UID == pod.UID && on.Name == pod.Name && on.Namespace == pod.Namespace {
			return true
		}
	}
	return false
}
