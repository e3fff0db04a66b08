// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// PreFilter runs upstream's PreFilter. It then stores the pod's limits if they are guarded, and the
// cycle's view of future use if predictions count.
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

// PreFilterExtensions returns nil. Upstream has none, and the guard and the predicted peaks read
// the pods of the NodeInfo that they are given, which preemption keeps up to date.
func (r *ResourceFit) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// Filter refuses a node if upstream does, if the sum of limits would exceed a bound of the guard,
// or if the predicted peak would exceed a bound of its own.
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
