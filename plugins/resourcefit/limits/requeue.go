// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package limits

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/util"
)

// HintAfterNode queues the pod where upstream does, and when a node has more of a guarded
// resource: upstream looks only at what pods request.
func (g *Guard) HintAfterNode(upstream fwk.QueueingHintFn) fwk.QueueingHintFn {
	return func(logger klog.Logger, pod *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
		hint, err := upstream(logger, pod, oldObj, newObj)
		if err != nil || hint == fwk.Queue {
			return hint, err
		}
		before, after, err := util.As[*v1.Node](oldObj, newObj)
		if err != nil {
			return fwk.Queue, err
		}
		if before == nil {
			return fwk.QueueSkip, nil
		}
		for _, b := range g.bounds {
			was, is := before.Status.Allocatable[b.resource], after.Status.Allocatable[b.resource]
			if is.Cmp(was) > 0 {
				return fwk.Queue, nil
			}
		}
		return fwk.QueueSkip, nil
	}
}

// HintAfterShrink queues the pod when the limits of the changed pod, which is placed or
// the waiting one itself, shrank.
func (g *Guard) HintAfterShrink(placed bool) fwk.QueueingHintFn {
	return func(_ klog.Logger, _ *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
		before, after, err := util.As[*v1.Pod](oldObj, newObj)
		if err != nil || before == nil || after == nil {
			return fwk.Queue, err
		}
		was, is := g.Of(before, placed), g.Of(after, placed)
		for i := range was {
			if is[i] < was[i] {
				return fwk.Queue, nil
			}
		}
		return fwk.QueueSkip, nil
	}
}
