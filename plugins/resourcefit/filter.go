// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
)

// PreFilter asks upstream and takes the pod's limits where they are guarded.
func (r *ResourceFit) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	result, status := r.fit.PreFilter(ctx, state, pod, nodes)
	if status.IsSuccess() && r.guard != nil {
		r.guard.take(state, pod, len(nodes))
	}
	return result, status
}

// PreFilterExtensions returns nil: upstream has none, and the guard reads the pods of
// the NodeInfo it is given, which preemption keeps right.
func (r *ResourceFit) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// Filter refuses a node that upstream refuses, or where the sum of limits would pass
// a bound of the guard.
func (r *ResourceFit) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) *fwk.Status {
	if status := r.fit.Filter(ctx, state, pod, nodeInfo); !status.IsSuccess() {
		return status
	}
	if r.guard == nil || r.guard.mode != config.LimitsGuardFilter {
		return nil
	}
	return r.guard.filter(state, nodeInfo)
}
