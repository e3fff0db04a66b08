// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// A node that might come to pass its bound is not under pressure, or nearly all would be; one that is expected to is, and one that
// surely does refuses pods.
func TestPressureIsWhatIsExpected(t *testing.T) {
	contents := forecast.Contents{Epoch: 1, Forecasts: map[string]forecast.NodeForecast{}}
	for name, use := range map[string]struct{ expected, lower, upper float64 }{
		"cool": {expected: 1, upper: 2}, "unsure": {expected: 1, upper: 9}, "expected": {expected: 3.8, lower: 3, upper: 9}, "sure": {expected: 5, lower: 4, upper: 9},
	} {
		f := forecast.NodeForecast{Rung: forecast.Fresh}
		for h := range f.Residual {
			f.Residual[h][forecast.CPU] = forecast.Interval{Lower: use.lower, Upper: use.upper}
		}
		f.Beyond[forecast.CPU].Mean = use.expected
		contents.Forecasts[name] = f
	}
	var nodes []*v1.Node
	for name := range contents.Forecasts {
		nodes = append(nodes, st.MakeNode().Name(name).Capacity(map[v1.ResourceName]string{"cpu": "4"}).Obj())
	}
	s := forecast.NewSnapshot(contents)
	for effect, want := range map[v1.TaintEffect]map[string]taints.Resources{
		v1.TaintEffectPreferNoSchedule: {"expected": taints.CPU, "sure": taints.CPU}, v1.TaintEffectNoSchedule: {"sure": taints.CPU},
	} {
		args := &config.PredictedPressure{Effect: effect, Max: []config.PeakBound{{Resource: "cpu", PercentOfAllocatable: 90}}}
		views := cycle.NewViews(func() *forecast.Snapshot { return s })
		scheduler := schedulerWith(t, predicted{}.read, effect, feature.Features{}, nodes...)
		view := taints.Forecasts(views)(args)(framework.NewCycleState(), pod(), len(nodes))
		for _, n := range scheduler.nodes {
			if got := view.On(begin(t, scheduler.Taints, pod(), scheduler.nodes), n); got != want[n.Node().Name] {
				t.Errorf("%s: node %s is short of %b, want %b", effect, n.Node().Name, got, want[n.Node().Name])
			}
		}
	}
}

// Pressure refuses nodes by the rule that all predictions keep to: none where it would refuse all, and for good where no eviction helps.
func TestPressureKeepsTheRule(t *testing.T) {
	contents := forecast.Contents{Epoch: 1, Forecasts: map[string]forecast.NodeForecast{}, Cluster: &forecast.PodForecast{}}
	for h := range contents.Combiners {
		contents.Cluster.Peaks[h][forecast.CPU] = forecast.Peak{Mean: 1, Lower: 1, Upper: 1}
	}
	for name, sure := range map[string]float64{"cool": 0, "crowded": 2, "lost": 5} {
		f := forecast.NodeForecast{Rung: forecast.Fresh}
		for h := range f.Residual {
			f.Residual[h][forecast.CPU] = forecast.Interval{Lower: sure, Upper: sure}
		}
		contents.Forecasts[name] = f
	}
	views := cycle.NewViews(func() *forecast.Snapshot { return forecast.NewSnapshot(contents) })
	sized := func(name string) *v1.Node {
		return st.MakeNode().Name(name).Capacity(map[v1.ResourceName]string{"cpu": "4"}).Obj()
	}
	resident := st.MakePod().Name("resident").UID("resident").Node("crowded").Req(map[v1.ResourceName]string{"cpu": "3"}).Obj()
	a := args(v1.TaintEffectNoSchedule)
	a.PredictedPressure.Max = []config.PeakBound{{Resource: "cpu", PercentOfAllocatable: 90}}
	decided := func(nodes ...*v1.Node) map[string]*fwk.Status {
		h := handle(t, []*v1.Pod{resident}, nodes)
		plugin, err := taints.NewFactory(taints.Forecasts(views), views)(t.Context(), a, h, feature.Features{})
		if err != nil {
			t.Fatal(err)
		}
		infos, err := h.SnapshotSharedLister().NodeInfos().List()
		if err != nil {
			t.Fatal(err)
		}
		statuses, _ := decide(t, plugin.(*taints.Taints), pod(), infos)
		return statuses
	}
	for name, want := range map[string]fwk.Code{"cool": fwk.Success, "crowded": fwk.Unschedulable, "lost": fwk.UnschedulableAndUnresolvable} {
		if got := decided(sized("cool"), sized("crowded"), sized("lost"))[name]; got.Code() != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if n := views.Verdicts.Passed("", taints.Name); n != 0 {
		t.Errorf("%d pods were let pass", n)
	}
	for name, got := range decided(sized("crowded"), sized("lost")) {
		if !got.IsSuccess() {
			t.Errorf("all nodes are under pressure, %s: got %v", name, got)
		}
	}
	if n := views.Verdicts.Passed("", taints.Name); n != 1 {
		t.Errorf("%d pods were let pass, want 1", n)
	}
}
