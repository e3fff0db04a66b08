// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package refused remembers pods that were refused for a prediction. That a prediction gets
// better raises no event in the cluster, so whoever refused them has them tried again.
package refused

import (
	"sync"

	v1 "k8s.io/api/core/v1"
)

// most bounds the pods that are remembered; more are retried when upstream flushes its
// unschedulable pods, after five minutes.
const most = 10_000

// Pods are the refused ones. The zero value is none. It is safe for concurrent use, but takes
// a lock: add a pod once a cycle, not once a node.
type Pods struct {
	mu   sync.Mutex
	pods map[string]*v1.Pod
}

// Add remembers a pod, where there are not too many already.
func (p *Pods) Add(pod *v1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pods == nil {
		p.pods = map[string]*v1.Pod{}
	}
	if len(p.pods) < most {
		p.pods[pod.Namespace+"/"+pod.Name] = pod
	}
}

// Take returns the pods by namespace/name, as fwk.Handle.Activate takes them, and forgets
// them: who is refused again is added again. Those that were placed meanwhile are no harm,
// since the queue does not know them.
func (p *Pods) Take() map[string]*v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	pods := p.pods
	p.pods = nil
	return pods
}
