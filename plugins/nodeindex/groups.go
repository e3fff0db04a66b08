// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// In the cycle of a pod group, upstream finds nodes for all pods of the group before it binds any.
// It puts each pod on its node in the snapshot and removes all of them at the end. The cache does
// not see this, and a node has the same generation before and after. But each of these pods is
// reserved on its node, and unreserved before it is removed. So the index is told of both, and
// reads the nodes of these pods anew for each question.

// groups are the nodes on which upstream has placed pods of a group on trial.
type groups struct {
	// tried is the number of pods on trial, by node. A node whose number is 0 must be read once
	// more.
	tried map[string]int
	// preempting is true while upstream tries the group on copies of all nodes, without pods that
	// it may evict.
	preempting bool
}

func newGroups() groups { return groups{tried: map[string]int{}} }

// follows reports whether the index sees what the cycle of a group works on.
func (g *groups) follows(snapshot fwk.SharedLister) bool {
	// A placement limits the cycle to some of the nodes.
	placed, ok := snapshot.(interface{ GetPlacement() *fwk.Placement })
	return ok && placed.GetPlacement() == nil && !g.preempting
}

// bring updates the table for these nodes, in the cycle of a group or after it.
func (g *groups) bring(t *table.Table, lister fwk.NodeInfoLister, cycle bool) {
	for name, pods := range g.tried {
		if cycle && pods > 0 {
			t.Try(lister, name)
			continue
		}
		t.Update(lister, map[string]struct{}{name: {}})
		delete(g.tried, name)
	}
}

// RunReservePluginsReserve notes where a group's pod is placed on trial.
func (h *hinted) RunReservePluginsReserve(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) *fwk.Status {
	if state.IsPodGroupSchedulingCycle() {
		h.index.groups.tried[node]++
	}
	return h.Framework.RunReservePluginsReserve(ctx, state, pod, node)
}

// RunReservePluginsUnreserve notes that the pod is no longer there.
func (h *hinted) RunReservePluginsUnreserve(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) {
	if state.IsPodGroupSchedulingCycle() { // and in the goroutine that schedules
		h.index.groups.tried[node]--
	}
	h.Framework.RunReservePluginsUnreserve(ctx, state, pod, node)
}

// RunPodGroupPostFilterPlugins notes that the group is tried without pods that may be evicted.
func (h *hinted) RunPodGroupPostFilterPlugins(ctx context.Context, state *framework.CycleState, group fwk.PodGroupInfo, schedule fwk.PodGroupSchedulingFunc) (*fwk.PodGroupPostFilterResult, *fwk.Status) {
	h.index.groups.preempting = true
	defer func() { h.index.groups.preempting = false }()
	return h.Framework.RunPodGroupPostFilterPlugins(ctx, state, group, schedule)
}
