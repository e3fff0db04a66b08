// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
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

const gpu v1.ResourceName = "example.com/gpu"

// gates are the feature gates as they are by default, and as production reads them.
func gates() feature.Features {
	return feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
}

// scheduler is the plugin among some nodes with their pods.
type scheduler struct {
	*ResourceFit
	snapshot *cache.Snapshot
	nodes    []fwk.NodeInfo
}

func newScheduler(t testing.TB, args *config.ResourceFitArgs, fts feature.Features, nodes []*v1.Node, pods ...*v1.Pod) scheduler {
	t.Helper()
	snapshot := cache.NewSnapshot(pods, nodes)
	plugin, err := NewFactory(Forecasts{})(t.Context(), args, plugintest.Handle(t, snapshot), fts)
	if err != nil {
		t.Fatal(err)
	}
	return scheduler{plugin.(*ResourceFit), snapshot, plugintest.Nodes(t, snapshot)}
}

func (s scheduler) node(t testing.TB, name string) fwk.NodeInfo {
	t.Helper()
	return plugintest.Node(t, s.snapshot, name)
}

// begin runs what comes before the nodes are looked at.
func (s scheduler) begin(t testing.TB, pod *v1.Pod) fwk.CycleState {
	t.Helper()
	state := framework.NewCycleState()
	if _, status := s.PreFilter(t.Context(), state, pod, s.nodes); !status.IsSuccess() {
		t.Fatalf("PreFilter: %v", status)
	}
	if status := s.PreScore(t.Context(), state, pod, s.nodes); !status.IsSuccess() {
		t.Fatalf("PreScore: %v", status)
	}
	return state
}

// filter is one cycle's answer about one node.
func (s scheduler) filter(t testing.TB, pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	t.Helper()
	return s.Filter(t.Context(), s.begin(t, pod), pod, node)
}

// score is one cycle's score of one node; the framework refuses what is not 0–100.
func (s scheduler) score(t testing.TB, pod *v1.Pod, node fwk.NodeInfo) int64 {
	t.Helper()
	score, status := s.Score(t.Context(), s.begin(t, pod), pod, node)
	if !status.IsSuccess() {
		t.Fatalf("Score: %v", status)
	}
	if score < fwk.MinScore || score > fwk.MaxScore {
		t.Errorf("score %d is not in [0-100], which aborts the scheduling of the pod", score)
	}
	return score
}

// defaults are the args of a profile that says nothing.
func defaults() *config.ResourceFitArgs {
	cpuAndMemory := []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}
	return &config.ResourceFitArgs{
		ScoringStrategy:    kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: cpuAndMemory},
		BalancedAllocation: config.BalancedAllocation{Weight: 1, Resources: cpuAndMemory},
		LimitsGuard:        config.LimitsGuard{Mode: config.LimitsGuardNone},
		PredictedPeak:      config.PredictedPeak{Mode: config.PredictedPeakNone},
	}
}

// guarded are args with the guard in a mode.
func guarded(mode config.LimitsGuardMode, bounds ...config.LimitsBound) *config.ResourceFitArgs {
	args := defaults()
	args.LimitsGuard = config.LimitsGuard{Mode: mode, Max: bounds}
	return args
}

func percent(name v1.ResourceName, p int32) config.LimitsBound {
	return config.LimitsBound{Resource: name, PercentOfAllocatable: p}
}

// big is a node with 4 CPUs and 8 GiB, and some of everything else.
func big(name string) *v1.Node {
	return st.MakeNode().Name(name).Capacity(amounts{"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi", gpu: "4"}).Obj()
}
