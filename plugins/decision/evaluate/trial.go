// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Trial is what to decide on without doing it; see decision.Trial.
type Trial struct {
	// Pods to decide on. The evaluator keeps and changes them.
	Pods []*v1.Pod
	// Anew says of pods that they are taken off their nodes first; nil takes none.
	Anew func(*v1.Pod) bool
	// Without are nodes that are thought away, whose pods are decided on too.
	Without []string
	// Profiles to decide by; nil are the scheduler's. A pod that asks for none of them is decided on by Otherwise.
	Profiles  *Profiles
	Otherwise string
	// Compare has kube-scheduler's default profile decide as well. Detail has candidates told.
	Compare, Detail bool
	// Pace is called before each pod, and what it returns after it; nil does not wait. An error ends the trial.
	Pace func(context.Context) (done func(), err error)
}

// ErrNoNode says that there is no node of a name.
var ErrNoNode = errors.New("there is no node")

// ErrTooMany says that there are too many pods to decide on.
var ErrTooMany = errors.New("too many pods")

// Try decides on the pods of a trial in turn, each with those before it on the nodes that were found for them. Those of higher priority come
// first, as in the scheduler's queue. If ctx ends, it returns what it has by then.
//
// Nodes are copies of the trial's own, so it holds nothing up: the scheduler waits only while they are copied once, and other
// evaluations only for the pod in hand.
func (e *Evaluator) Try(ctx context.Context, t *Trial) (*decision.Tried, error) {
	run := &trial{Trial: t, evaluator: e, profiles: e.profiles, out: &decision.Tried{Pods: []decision.TriedPod{}}}
	if t.Profiles != nil {
		run.profiles, run.out.Lacks = t.Profiles.frameworks, t.Profiles.Lacks
	}
	done, err := run.pace(ctx)
	if err != nil {
		return nil, err
	}
	all, err := e.locked(ctx)
	if err == nil {
		err = run.begin(ctx, all)
	}
	done()
	if err != nil {
		return nil, err
	}
	for i, pod := range run.pods {
		if err := run.decide(ctx, pod); err != nil {
			if ctx.Err() == nil {
				return nil, fmt.Errorf("deciding on pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			run.out.Undecided = len(run.pods) - i
			break
		}
	}
	run.compare()
	return run.out, nil
}

// locked returns the nodes as they are.
func (e *Evaluator) locked(ctx context.Context) ([]fwk.NodeInfo, error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.turns.copyNodes(ctx)
}

// trial is one in progress.
type trial struct {
	*Trial
	evaluator *Evaluator
	profiles  map[string]framework.Framework
	pods      []*v1.Pod
	was       map[*v1.Pod]string // the node that a pod is on
	// before, nodes and stock are the nodes as they were, with what was decided, and with what the default profile decided.
	before, nodes, stock *nodes
	view                 *view // the last that a profile had
	out                  *decision.Tried
}

func (t *trial) pace(ctx context.Context) (func(), error) {
	if t.Pace == nil {
		return func() {}, ctx.Err()
	}
	return t.Pace(ctx)
}

// begin thinks nodes and pods away, and puts the pods into their order.
func (t *trial) begin(ctx context.Context, all []fwk.NodeInfo) error {
	t.was = map[*v1.Pod]string{}
	missing := map[string]bool{}
	for _, name := range t.Without {
		missing[name] = true
	}
	left := map[string]int{}
	var moved []*v1.Pod
	var kept []fwk.NodeInfo
	for _, info := range all {
		if name := info.Node().Name; missing[name] {
			delete(missing, name)
			moved = append(moved, t.drain(info, left)...)
			continue
		}
		if t.Anew != nil {
			info = t.replace(ctx, info)
		}
		kept = append(kept, info)
	}
	for _, name := range t.Without {
		if missing[name] {
			return fmt.Errorf("%w %.253q", ErrNoNode, name)
		}
	}
	t.pods = append(moved, t.Pods...)
	if len(t.pods) > decision.MaxTrialPods {
		return fmt.Errorf("%w: there are %d to decide on, and at most %d are", ErrTooMany, len(t.pods), decision.MaxTrialPods)
	}
	slices.SortStableFunc(t.pods, func(a, b *v1.Pod) int { return cmp.Compare(priorityOf(b), priorityOf(a)) })
	for _, reason := range leftReasons {
		if n := left[reason]; n > 0 {
			t.out.Left = append(t.out.Left, decision.LeftPods{Reason: reason, Pods: n})
		}
	}
	t.before = newNodes(kept)
	t.nodes, t.stock = t.before, t.before
	t.out.Time, t.out.Nodes = time.Now(), len(kept)
	if t.evaluator.extends {
		t.out.Lacks = append(t.out.Lacks, "extenders were not asked")
	}
	return nil
}

// What kubectl drain leaves on a node, or need not move.
const (
	ofDaemonSet = "of a DaemonSet"
	mirror      = "of the node itself (static)"
	onItsWay    = "being deleted already"
)

var leftReasons = []string{ofDaemonSet, mirror, onItsWay}

// decide finds a node for the pod, and puts it there.
func (t *trial) decide(ctx context.Context, pod *v1.Pod) error {
	done, err := t.pace(ctx)
	if err != nil {
		return err
	}
	defer done()
	e := t.evaluator
	e.lock.Lock()
	defer e.lock.Unlock()
	defer e.lister.current.Store(newNodes(nil))

	profile := pod.Spec.SchedulerName
	f := t.profiles[profile]
	if f == nil {
		profile = t.Otherwise
		if f = t.profiles[profile]; f == nil {
			return fmt.Errorf("%w places pods of %q", ErrNoProfile, profile)
		}
	}
	tried := decision.TriedPod{
		Pod: decision.Pod{Namespace: pod.Namespace, Name: pod.Name}, Owner: ownerOf(pod), Was: t.was[pod], Scheduler: pod.Spec.SchedulerName, Profile: profile,
	}
	tried.Lacks = e.setAside(pod, tried.Was != "")

	// 1. By the profile.
	e.lister.current.Store(t.nodes)
	evaluation, r, err := e.evaluate(ctx, f, t.nodes, &Question{Pod: pod}, pod)
	if err != nil {
		return err
	}
	evaluation.Time, evaluation.Now = time.Now(), true
	t.out.Epoch = evaluation.Epoch
	tried.Evaluation, tried.Lacks = evaluation, append(tried.Lacks, evaluation.Lacks...)
	evaluation.Lacks = nil
	if len(r.scores) > 0 {
		tried.Node = r.scores[0].Name
		if t.nodes, err = t.nodes.with(pod, tried.Node); err != nil {
			return err
		}
	} else {
		tried.Lacks = append(tried.Lacks, notPreempted(pod)...)
	}
	view := viewIn(r.state)
	if view != nil {
		t.view = view
	}

	// 2. By the default profile, on nodes of its own.
	if t.Compare {
		e.lister.current.Store(t.stock)
		if tried.Stock, err = t.askStock(ctx, view, pod, tried.Node); err != nil {
			return err
		}
	}
	if !t.Detail {
		evaluation.Candidates = slices.DeleteFunc(evaluation.Candidates, func(c decision.Candidate) bool { return !c.Chosen })
		evaluation.Weights = nil
	}
	t.out.Pods = append(t.out.Pods, tried)
	return nil
}

// askStock decides by the default profile; of nodes that are as good to it, it takes the given one.
func (t *trial) askStock(ctx context.Context, view *view, pod *v1.Pod, of string) (*decision.TriedStock, error) {
	r, err := ask(ctx, t.evaluator.stock, t.stock, pod)
	if err != nil {
		return nil, err
	}
	stock := &decision.TriedStock{Choice: *r.choice(of)}
	if stock.Node == "" {
		return stock, nil
	}
	c := decision.Candidate{Node: stock.Node}
	view.predict(r, &c)
	stock.Predicted = c.Predicted
	t.stock, err = t.stock.with(pod, stock.Node)
	return stock, err
}

// compare adds up what all nodes are expected to use beyond what they run well at.
func (t *trial) compare() {
	if t.view == nil {
		return
	}
	var x decision.Excesses
	x.Before, x.Nodes = t.excess(t.before)
	x.After, _ = t.excess(t.nodes)
	if t.Compare {
		stock, _ := t.excess(t.stock)
		x.Stock = &stock
	}
	t.out.Excess = &x
}

func (t *trial) excess(n *nodes) (sum decision.Amounts, known int) {
	alone := t.view.View
	alone.Pod = forecast.PodForecast{}
	for _, info := range n.all {
		bounds := t.view.Bounds.Of(t.view.state, info)
		excess, ok := alone.Excess(t.view.state, info, &bounds)
		if !ok {
			continue
		}
		known++
		sum.CPU, sum.Memory = sum.CPU+excess[forecast.CPU], sum.Memory+excess[forecast.Memory]
	}
	return sum, known
}

// with returns the nodes with the pod on one of them.
func (n *nodes) with(pod *v1.Pod, name string) (*nodes, error) {
	on := pod.DeepCopy()
	on.Spec.NodeName = name
	info, err := framework.NewPodInfo(on)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(n.all)
	i := slices.IndexFunc(all, func(info fwk.NodeInfo) bool { return info.Node().Name == name })
	all[i] = all[i].Snapshot()
	all[i].AddPodInfo(info)
	return newNodes(all), nil
}

// ownerOf is the pod's workload as Kind/name.
func ownerOf(pod *v1.Pod) string {
	if w, ok := forecast.WorkloadOf(pod); ok {
		return w.Kind + "/" + w.Name
	}
	return ""
}
