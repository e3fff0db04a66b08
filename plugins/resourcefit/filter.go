// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// PreFilter asks upstream, takes the pod's limits where they are guarded, and the cycle's
// view of what nodes will use.
func (r *ResourceFit) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	result, status := r.fit.PreFilter(ctx, state, pod, nodes)
	if status.IsSuccess() && r.guard != nil {
		r.guard.Take(state, pod, len(nodes))
	}
	if status.IsSuccess() && r.peaks != nil {
		if refused := r.peaks.take(state, pod, nodes); !refused.IsSuccess() {
			return nil, refused
		}
	}
	return result, status
}

// PreFilterExtensions returns nil: upstream has none, and the guard and the predicted peaks
// read the pods of the NodeInfo they are given, which preemption keeps right.
func (r *ResourceFit) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// Filter refuses a node that upstream refuses, or where the sum of limits would pass
// a bound of the guard, or the predicted peak one of its own.
func (r *ResourceFit) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) *fwk.Status {
	if status := r.fit.Filter(ctx, state, pod, nodeInfo); !status.IsSuccess() {
		return status
	}
	if r.guard != nil && r.guard.Refuses() {
		if status := r.guard.Filter(state, nodeInfo); !status.IsSuccess() {
			return status
		}
	}
	if r.peaks == nil {
		return nil
	}
	return r.peaks.filter(state, pod, nodeInfo)
}
