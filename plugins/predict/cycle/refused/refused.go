// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package refused is the list of pods that were refused a node because of a prediction, by any
// plugin. They are tried again with each new forecast, since a forecast raises no event in the
// cluster, and at events that may end a refusal.
package refused

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

// most is the largest number of pods that are remembered. Any others are tried again when upstream
// flushes its unschedulable pods, after five minutes.
const most = 10_000

// AtATime is the largest number of pods that are tried again at once. With 5,000 nodes, trying a
// pod that fits nowhere takes up to 10 ms, and new pods wait meanwhile: 100 pods take up to 1 s.
const AtATime = 100

// Pods are the refused pods, in the order of their refusal. The zero value is empty. It is safe for
// concurrent use but takes a lock: add a pod once a cycle, not once a node.
type Pods struct {
	mu   sync.Mutex
	pods map[string]*v1.Pod
	// order holds the names of the pods. Those before next have been taken.
	order []string
	next  int
	// turn is held by the goroutine that has pods tried again. now holds a value if that is to
	// happen at once.
	turn, now chan struct{}
}

// Add remembers a pod unless the list is full. A pod already in the list keeps its place.
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

// Take removes and returns the pods that have waited longest, at most AtATime of them, by
// namespace/name as fwk.Handle.Activate takes them. A pod that is refused again is added again at
// the end. Pods placed meanwhile do no harm, since the queue ignores them.
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

// Has reports whether the pod is to be tried again. If the list is full, it returns true for every
// pod.
func (p *Pods) Has(pod *v1.Pod) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pods[pod.Namespace+"/"+pod.Name] != nil || len(p.pods) >= most
}

// Events returns the events that may end a refusal: a pod on a node is deleted or shrinks, a node
// is added, or a node's allocatable changes. The hint queues only pods that were refused because of
// a prediction.
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

// watchEvery is the interval at which Reactivate looks for a new forecast. A look is one atomic
// read.
const watchEvery = time.Second

// Reactivate has pods tried again whenever epoch tells of a new forecast or Now is called, until
// ctx ends. Each plugin calls it with a context of its own. One of the calls does the work and the
// others wait in reserve.
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

// Now has pods tried again without a new forecast, because something else that they are judged by
// has changed.
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
