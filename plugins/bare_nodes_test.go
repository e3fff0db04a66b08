// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"context"
	"maps"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
	"github.com/foresight-scheduler/foresight/plugins/trimaran"
)

// An extender that is not nodeCacheCapable hands on NodeInfos without pods. Every plugin scores them as it scores the nodes of the
// snapshot, since it takes their pods from there.
func TestBareNodesAreScoredAsWholeOnes(t *testing.T) {
	metrics.Register()
	contents := forecast.Contents{Epoch: 1, PodsEpoch: 1, Forecasts: map[string]forecast.NodeForecast{}, Usage: map[string]forecast.NodeUsage{}}
	for h := range contents.Combiners {
		for r := range contents.Combiners[h] {
			contents.Combiners[h][r].Together = 1
		}
	}
	duration := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	peaks := []config.PeakBound{{Resource: "cpu", PercentOfAllocatable: 90}, {Resource: "memory", PercentOfAllocatable: 90}}
	sides := []side{
		{affinity.Name, &config.AffinityArgs{ServiceAntiAffinity: config.ServiceAntiAffinity{Labels: []string{"zone"}, Weight: 1}}},
		{taints.Name, &config.TaintsArgs{PredictedPressure: config.PredictedPressure{Effect: v1.TaintEffectPreferNoSchedule, Max: peaks}}},
		{resourcefit.Name, &config.ResourceFitArgs{
			ScoringStrategy:    kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}},
			BalancedAllocation: config.BalancedAllocation{Weight: 1, Resources: strategyCPUAndMemory},
			LimitsGuard:        config.LimitsGuard{Mode: config.LimitsGuardScore, Max: []config.LimitsBound{{Resource: "cpu", PercentOfAllocatable: 50}}},
			PredictedPeak:      config.PredictedPeak{Mode: config.PredictedPeakNone},
		}},
		{resourcefit.Name, &config.ResourceFitArgs{
			ScoringStrategy: kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}},
			LimitsGuard:     config.LimitsGuard{Mode: config.LimitsGuardNone},
			PredictedPeak:   config.PredictedPeak{Mode: config.PredictedPeakScore, Score: config.ScoreByStrategy, Max: peaks},
		}},
		{resourcefit.Name, &config.ResourceFitArgs{
			ScoringStrategy: kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}},
			LimitsGuard:     config.LimitsGuard{Mode: config.LimitsGuardNone},
			PredictedPeak:   config.PredictedPeak{Mode: config.PredictedPeakScore, Score: config.ScoreByHarm, Max: peaks},
		}},
		{qos.Name, &config.PredictedQoSArgs{
			ScoreFrom: config.QoSFromUtilisation, MaxRiskPercent: 100, Weights: config.QoSWeights{Latency: 3, Realtime: 5, Availability: 3, Batch: 1},
			Feedback: config.QoSFeedback{Horizons: []metav1.Duration{duration(time.Hour)}, Decisions: 100, HalfLife: duration(time.Hour)},
		}},
		{trimaran.TargetLoadPackingName, &schedulerplugins.TargetLoadPackingArgs{TargetUtilization: 40, DefaultRequestsMultiplier: "1.5", DefaultRequests: v1.ResourceList{}}},
		{trimaran.LoadVariationRiskBalancingName, &schedulerplugins.LoadVariationRiskBalancingArgs{SafeVarianceMargin: 1, SafeVarianceSensitivity: 1}},
		{trimaran.LowRiskOverCommitmentName, &schedulerplugins.LowRiskOverCommitmentArgs{SmoothingWindowSize: 5,
			RiskLimitWeights: map[v1.ResourceName]float64{v1.ResourceCPU: .5, v1.ResourceMemory: .5}}},
	}
	differ := map[string]bool{}
	for seed := range uint64(30) {
		g := newGenerator(seed, false)
		c := newCluster(t.Context(), t, g)
		nodes, err := c.snapshot.NodeInfos().List()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			contents.Forecasts[n.Node().Name] = forecast.NodeForecast{Rung: forecast.Fresh}
			contents.Usage[n.Node().Name] = forecast.NodeUsage{CPU: forecast.Stats{Mean: 1, Latest: 1}, Memory: forecast.Stats{Mean: 1 << 30, Latest: 1 << 30}, Newest: time.Now()}
		}
		service := &v1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}, Spec: v1.ServiceSpec{Selector: map[string]string{"app": "web"}}}
		if err := c.informers.Core().V1().Services().Informer().GetStore().Add(service); err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			for _, p := range n.GetPods() {
				p.GetPod().Labels = map[string]string{"app": "web"}
			}
		}
		snapshot := forecast.NewSnapshot(contents)
		views := cycle.NewViews(func() *forecast.Snapshot { return snapshot })
		registry := frameworkplugins.NewInTreeRegistry()
		registry[affinity.Name] = gated(affinity.New)
		registry[resourcefit.Name] = gated(resourcefit.NewFactory(resourcefit.Forecasts{Views: views}))
		registry[taints.Name] = gated(taints.NewFactory(taints.Forecasts(views), views))
		registry[qos.Name] = qos.NewFactory(qos.NewService(views, nil))
		for name, factory := range trimaran.Factories(trimaran.Options{Usage: func(fwk.CycleState) trimaran.Usage { return snapshot }}) {
			registry[name] = factory
		}
		pod := g.pod()
		pod.Labels = map[string]string{"app": "web"}
		for _, s := range sides {
			ctx, cancel := context.WithCancel(t.Context())
			f := c.framework(ctx, t, registry, s)
			bare := make([]fwk.NodeInfo, len(nodes))
			for i, n := range nodes {
				info := framework.NewNodeInfo()
				info.SetNode(n.Node())
				bare[i] = info
			}
			whole, handedOn := scored(ctx, t, f, pod, nodes), scored(ctx, t, f, pod, bare)
			if !maps.Equal(whole, handedOn) {
				t.Errorf("seed %d, %s: %v of bare nodes, %v of whole ones", seed, s.plugin, handedOn, whole)
			}
			for _, score := range whole {
				for _, other := range whole {
					if score != other {
						differ[s.plugin] = true
					}
				}
			}
			cancel()
		}
	}
	for _, s := range sides {
		if !differ[s.plugin] {
			t.Errorf("%s gave all nodes one score, which proves nothing", s.plugin)
		}
	}
}

// gated makes a plugin with the feature gates as they are by default.
func gated(factory frameworkruntime.PluginFactoryWithFts[fwk.Plugin]) frameworkruntime.PluginFactory {
	return func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		return factory(ctx, args, h, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	}
}

// scored runs a cycle in which so many nodes are scored.
func scored(ctx context.Context, t *testing.T, f framework.Framework, pod *v1.Pod, nodes []fwk.NodeInfo) map[string]int64 {
	t.Helper()
	state := framework.NewCycleState()
	if _, status, _ := f.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
		return nil // A pod that no node would do for.
	}
	if status := f.RunPreScorePlugins(ctx, state, pod, nodes); !status.IsSuccess() {
		t.Fatalf("PreScore: %v", status)
	}
	scores, status := f.RunScorePlugins(ctx, state, pod, nodes)
	if !status.IsSuccess() {
		t.Fatalf("Score: %v", status)
	}
	out := map[string]int64{}
	for _, s := range scores {
		out[s.Name] = s.TotalScore
	}
	return out
}
