// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package refused remembers pods that were refused a node for a prediction, by whatever plugin, and has them tried again: with each
// new forecast, which raises no event in the cluster, and by events that may cure a refusal.
package refused

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

// most bounds the pods that are remembered; more are retried when upstream flushes its
// unschedulable pods, after five minutes.
const most = 10_000

// AtATime is how many pods are tried again at once. To try a pod that fits nowhere takes up to 10 ms on 5,000 nodes, and
// pods that are new wait meanwhile.
const AtATime = 100

// Pods are the refused ones, in the order in which they were. The zero value is none. It is safe for concurrent use, but takes
// a lock: add a pod once a cycle, not once a node.
type Pods struct {
	mu   sync.Mutex
	pods map[string]*v1.Pod
	// order of the names; those before next are taken.
	order []string
	next  int
	// turn is held by who has pods tried again; now holds one where that is to be at once.
	turn, now chan struct{}
}

// Add remembers a pod, where there are not too many already. One that is remembered keeps its place.
func (p *Pods) Add(pod *v1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pods == nil {
		p.pods = map[string]*v1.Pod{}
	}
	name := pod.Namespace + "/" + pod.Name
	_, known := p.pods[name]
	switch {
	case !known && len(p.pods) >= most:
		return
	case !known:
		p.order = append(p.order, name)
	}
	p.pods[name] = pod
}

// Take returns the pods that wait longest, AtATime of them at most, by namespace/name as fwk.Handle.Activate takes them, and
// forgets them: who is refused again is added again, behind the others. Those that were placed meanwhile are no harm,
// since the queue does not know them.
func (p *Pods) Take() map[string]*v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(AtATime, len(p.order)-p.next)
	taken := make(map[string]*v1.Pod, n)
	for _, name := range p.order[p.next : p.next+n] {
		taken[name] = p.pods[name]
		delete(p.pods, name)
	}
	if p.next += n; 2*p.next >= len(p.order) {
		p.order, p.next = append([]string(nil), p.order[p.next:]...), 0
	}
	return taken
}

// Has says whether the pod is to be tried again; where there are too many to remember, any may be.
func (p *Pods) Has(pod *v1.Pod) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pods[pod.Namespace+"/"+pod.Name] != nil || len(p.pods) >= most
}

// Events are those that may cure a refusal: a pod that leaves a node or shrinks there, a new node, or one that grows. A hint has only
// pods tried again that were refused for a prediction.
func (p *Pods) Events() []fwk.ClusterEventWithHint {
	hint := func(_ klog.Logger, pod *v1.Pod, _, _ any) (fwk.QueueingHint, error) {
		if p.Has(pod) {
			return fwk.Queue, nil
		}
		return fwk.QueueSkip, nil
	}
	return []fwk.ClusterEventWithHint{
		{Event: fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Delete | fwk.UpdatePodScaleDown}, QueueingHintFn: hint},
		{Event: fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.Add | fwk.UpdateNodeAllocatable}, QueueingHintFn: hint},
	}
}

// watchEvery is how often Reactivate looks for a new forecast: an atomic read.
const watchEvery = time.Second

// Reactivate has pods tried again whenever there is a new forecast, which epoch tells, or Now is called, until ctx ends. Each plugin
// calls it, with a context of its own; one of the calls does it, and the others are in reserve.
func (p *Pods) Reactivate(ctx context.Context, epoch func() uint64, activate func(klog.Logger, map[string]*v1.Pod)) {
	turn, now := p.channels()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	seen := epoch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-now:
			seen = epoch()
		case <-ticker.C:
			is := epoch()
			if is == seen {
				continue
			}
			seen = is
		}
		if pods := p.Take(); len(pods) > 0 {
			activate(klog.FromContext(ctx), pods)
		}
	}
}

// Now has pods tried again without a new forecast: something else has changed that they are judged by.
func (p *Pods) Now() {
	_, now := p.channels()
	select {
	case now <- struct{}{}:
	default:
	}
}

func (p *Pods) channels() (turn, now chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turn == nil {
		p.turn, p.now = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	return p.turn, p.now
}
