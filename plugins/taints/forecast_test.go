// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
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
		view := taints.Forecasts(func() *forecast.Snapshot { return s })(args)(pod())
		scheduler := schedulerWith(t, predicted{}.read, effect, feature.Features{}, nodes...)
		for _, n := range scheduler.nodes {
			if got := view.On(begin(t, scheduler.Taints, pod(), scheduler.nodes), n); got != want[n.Node().Name] {
				t.Errorf("%s: node %s is short of %b, want %b", effect, n.Node().Name, got, want[n.Node().Name])
			}
		}
	}
}
