// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/util"

	"github.com/foresight-scheduler/foresight/config"
)

// EventsToRegister returns upstream's events. Where the guard refuses nodes, it also
// counts that a node's allocatable grew or a pod's limits shrank: upstream looks only
// at what pods request.
func (r *ResourceFit) EventsToRegister(ctx context.Context) ([]fwk.ClusterEventWithHint, error) {
	events, err := r.fit.EventsToRegister(ctx)
	if err != nil || r.guard == nil || r.guard.mode != config.LimitsGuardFilter {
		return events, err
	}
	for i := range events {
		if events[i].Event.Resource == fwk.Node {
			events[i].QueueingHintFn = r.guard.hintAfterNode(events[i].QueueingHintFn)
		}
	}
	// Limits have no action type of their own.
	return append(events,
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Update},
			QueueingHintFn: r.guard.hintAfterShrink(true),
		},
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: fwk.TargetPod, ActionType: fwk.Update},
			QueueingHintFn: r.guard.hintAfterShrink(false),
		},
	), nil
}

func (g *limitsGuard) hintAfterNode(upstream fwk.QueueingHintFn) fwk.QueueingHintFn {
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

// hintAfterShrink queues the pod when the limits of the changed pod, which is placed or
// the waiting one itself, shrank.
func (g *limitsGuard) hintAfterShrink(placed bool) fwk.QueueingHintFn {
	return func(_ klog.Logger, _ *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
		before, after, err := util.As[*v1.Pod](oldObj, newObj)
		if err != nil || before == nil || after == nil {
			return fwk.Queue, err
		}
		was, is := g.limitsOf(before, placed), g.limitsOf(after, placed)
		for i := range was {
			if is[i] < was[i] {
				return fwk.Queue, nil
			}
		}
		return fwk.QueueSkip, nil
	}
}
