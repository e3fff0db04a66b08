// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"sync/atomic"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// All plugins of a cycle judge by one snapshot, though the engine publishes another one whenever somebody looks, and one plugin's refusals
// count against the other's: together they leave a node.
func TestPluginsOfACycleShareAView(t *testing.T) {
	var published atomic.Uint64
	views := cycle.NewViews(func() *forecast.Snapshot {
		c := forecast.Contents{Epoch: published.Add(1), Forecasts: map[string]forecast.NodeForecast{}}
		for name, r := range map[string]forecast.Resource{"no-cpu": forecast.CPU, "no-memory": forecast.Memory} {
			f := forecast.NodeForecast{Rung: forecast.Fresh}
			for h := range f.Residual {
				f.Residual[h][r] = forecast.Interval{Lower: 1e12, Upper: 1e12}
			}
			c.Forecasts[name] = f
		}
		return forecast.NewSnapshot(c)
	})
	capacity := map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi"}
	h, err := frameworkruntime.NewFramework(t.Context(), nil, nil,
		frameworkruntime.WithSnapshotSharedLister(cache.NewSnapshot(nil, []*v1.Node{st.MakeNode().Name("no-cpu").Capacity(capacity).Obj(), st.MakeNode().Name("no-memory").Capacity(capacity).Obj()})),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(fake.NewClientset(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := h.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	// ResourceFit refuses for CPU, and Taints for memory.
	registry := plugins.Registry(plugins.Options{QoS: qos.NewService(views, nil), NoPrediction: true})
	fit, err := registry[resourcefit.Name](t.Context(), &config.ResourceFitArgs{
		ScoringStrategy: kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}}},
		LimitsGuard:     config.LimitsGuard{Mode: config.LimitsGuardNone},
		PredictedPeak:   config.PredictedPeak{Mode: config.PredictedPeakFilter, Score: config.ScoreByHarm, Max: []config.PeakBound{{Resource: "cpu", PercentOfAllocatable: 100}}},
	}, h)
	if err != nil {
		t.Fatal(err)
	}
	pressure, err := registry[taints.Name](t.Context(), &config.TaintsArgs{PredictedPressure: config.PredictedPressure{
		Effect: v1.TaintEffectNoSchedule, Max: []config.PeakBound{{Resource: "memory", PercentOfAllocatable: 100}}}}, h)
	if err != nil {
		t.Fatal(err)
	}
	pod := st.MakePod().Namespace("shop").Name("p").UID("p").Obj()
	for range 3 {
		state := framework.NewCycleState()
		for _, p := range []fwk.Plugin{fit, pressure} {
			published.Add(1)
			if _, status := p.(fwk.PreFilterPlugin).PreFilter(t.Context(), state, pod, nodes); !status.IsSuccess() {
				t.Fatal(status)
			}
		}
		one, clone := cycle.PredictionIn(state, cycle.PeaksState), state.Clone()
		if one == nil || one.View.Snapshot != views.Snapshot(clone) {
			t.Errorf("%s does not judge by the cycle's view", fit.Name())
		}
		if other := cycle.PredictionIn(clone, cycle.PressureState); other != nil {
			t.Errorf("%s refuses the last node", pressure.Name())
		}
		if !one.Filters {
			t.Errorf("%s gives way, and nothing is refused by any other before it", fit.Name())
		}
		refused := 0
		for _, n := range nodes {
			for _, p := range []fwk.Plugin{fit, pressure} {
				if !p.(fwk.FilterPlugin).Filter(t.Context(), state, pod, n).IsSuccess() {
					refused++
				}
			}
		}
		if refused != 1 {
			t.Errorf("%d of 2 nodes are refused, want 1", refused)
		}
	}
	if a, b := views.Verdicts.Passed("", resourcefit.Name), views.Verdicts.Passed("", taints.Name); a != 0 || b != 3 {
		t.Errorf("let pass: %d by %s, %d by %s, want 0 and 3", a, fit.Name(), b, pressure.Name())
	}

	// With a third node both may refuse.
	cool, err := frameworkruntime.NewFramework(t.Context(), nil, nil, frameworkruntime.WithSnapshotSharedLister(cache.NewSnapshot(nil, []*v1.Node{st.MakeNode().Name("cool").Capacity(capacity).Obj()})))
	if err != nil {
		t.Fatal(err)
	}
	more, err := cool.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	state := framework.NewCycleState()
	for _, p := range []fwk.Plugin{fit, pressure} {
		published.Add(1)
		if _, status := p.(fwk.PreFilterPlugin).PreFilter(t.Context(), state, pod, append(more, nodes...)); !status.IsSuccess() {
			t.Fatal(status)
		}
	}
	one, other := cycle.PredictionIn(state, cycle.PeaksState), cycle.PredictionIn(state, cycle.PressureState)
	if one == nil || other == nil || one.View.Snapshot != other.View.Snapshot || one.View.Loads != other.View.Loads {
		t.Error("two plugins of one cycle judge by two views")
	}
}
