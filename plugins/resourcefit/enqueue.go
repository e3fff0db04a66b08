// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	fwk "k8s.io/kube-scheduler/framework"
)

// EventsToRegister returns upstream's events and, if predictions can refuse nodes, the events that
// may end such a refusal. If the guard refuses nodes, a growing allocatable and shrinking limits
// also queue pods, since upstream looks only at requests.
func (r *ResourceFit) EventsToRegister(ctx context.Context) ([]fwk.ClusterEventWithHint, error) {
	events, err := r.eventsOfRequests(ctx)
	if err == nil && r.peaks != nil {
		events = append(events, r.peaks.rule.Events()...)
	}
	return events, err
}

// eventsOfRequests returns the events that may end a lack of room for requests or limits.
func (r *ResourceFit) eventsOfRequests(ctx context.Context) ([]fwk.ClusterEventWithHint, error) {
	events, err := r.fit.EventsToRegister(ctx)
	if err != nil || r.guard == nil || !r.guard.Refuses() {
		return events, err
	}
	for i := range events {
		if events[i].Event.Resource == fwk.Node {
			events[i].QueueingHintFn = r.guard.HintAfterNode(events[i].QueueingHintFn)
		}
	}
	// Limits have no action type of their own.
	return append(events,
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Update},
			QueueingHintFn: r.guard.HintAfterShrink(true),
		},
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: fwk.TargetPod, ActionType: fwk.Update},
			QueueingHintFn: r.guard.HintAfterShrink(false),
		},
	), nil
}
