// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

// amounts is how the wrappers of upstream's tests write resources.
type amounts = plugintest.Amounts

// guarded is a guard over some nodes with their pods.
type guarded struct {
	*Guard
	snapshot *cache.Snapshot
	nodes    []fwk.NodeInfo
}

// guard has the feature gates as they are by default.
func guard(t *testing.T, mode config.LimitsGuardMode, bounds []config.LimitsBound, nodes []*v1.Node, pods ...*v1.Pod) guarded {
	t.Helper()
	snapshot := cache.NewSnapshot(pods, nodes)
	g := New(&config.LimitsGuard{Mode: mode, Max: bounds}, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	return guarded{g, snapshot, plugintest.Nodes(t, snapshot)}
}

func (g guarded) node(t *testing.T, name string) fwk.NodeInfo {
	t.Helper()
	return plugintest.Node(t, g.snapshot, name)
}

func (g guarded) begin(pod *v1.Pod) *framework.CycleState {
	state := framework.NewCycleState()
	g.Take(state, pod, len(g.nodes))
	return state
}

// filter is one cycle's answer about one node.
func (g guarded) filter(pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	return g.Filter(g.begin(pod), node)
}

// filterInGroup is filter in the cycle of a pod group.
func (g guarded) filterInGroup(pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	state := g.begin(pod)
	state.SetPodGroupSchedulingCycle(framework.NewCycleState())
	return g.Filter(state, node)
}

// scoreDown is what is left of the best score on a node.
func (g guarded) scoreDown(pod *v1.Pod, node fwk.NodeInfo) int64 {
	return g.ScoreDown(g.begin(pod), node, fwk.MaxScore)
}

// percents bounds resources at the same share of a node.
func percents(p int32, resources ...v1.ResourceName) (bounds []config.LimitsBound) {
	for _, r := range resources {
		bounds = append(bounds, config.LimitsBound{Resource: r, PercentOfAllocatable: p})
	}
	return bounds
}

// big is a node with 4 CPUs and 8 GiB.
func big(name string) *v1.Node {
	return st.MakeNode().Name(name).Capacity(amounts{"cpu": "4", "memory": "8Gi"}).Obj()
}
