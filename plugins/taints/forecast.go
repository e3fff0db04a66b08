// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Forecasts returns a source that predicts pressure if a node, with the pods it has, is to exceed a
// bound.
//
// If pressure only lowers scores, the expected use counts. Nearly every node's upper bound of the
// peak is too high, so that bound would not tell nodes apart, and where it did it would outvote all
// other scores. If pressure refuses nodes, the prediction must be certain: the lower bound of the
// peak counts, within the time for which the pod in hand is expected to run. While too little is
// known, and without an engine, no pressure is predicted.
func Forecasts(views *cycle.Views) PressureSource {
	if !views.Predicts() {
		return nil
	}
	return func(args *config.PredictedPressure) PressureReader {
		f := &forecasts{
			bounds: cycle.NewNodeBounds(cycle.BoundsOf(args.Max), nil),
			sure:   args.Effect == v1.TaintEffectNoSchedule,
		}
		return func(state fwk.CycleState, pod *v1.Pod, nodes int) Pressure {
			if views.Snapshot(state).Blind() {
				return nil
			}
			f.bounds.Forget(nodes)
			view := views.Of(state, pod, nodes)
			view.Pod = forecast.PodForecast{} // Pressure is the node's as it is.
			return &forecastPressure{f, view}
		}
	}
}

type forecasts struct {
	bounds *cycle.NodeBounds
	sure   bool
}

type forecastPressure struct {
	*forecasts
	view cycle.View
}

var resources = [forecast.NumResources]Resources{forecast.CPU: CPU, forecast.Memory: Memory}

// On returns the resources whose predicted use exceeds the node's bounds.
func (p *forecastPressure) On(state fwk.CycleState, node fwk.NodeInfo) Resources {
	bounds := p.bounds.Of(state, node)
	if bounds.Off {
		return 0
	}
	use, predicted := p.view.Expected(state, node)
	if predicted.Rung == forecast.Blind {
		return 0
	}
	bounds = bounds.Without(predicted.Lacks)
	if p.sure {
		peaks, _ := p.view.Peaks(state, node)
		use = forecast.Lower(peaks)
	}
	return short(&bounds, use, node)
}

// Lasts returns the resources whose predicted peak exceeds the bounds even without the node's pods.
func (p *forecastPressure) Lasts(state fwk.CycleState, node fwk.NodeInfo) Resources {
	bounds := p.bounds.Of(state, node).Without(p.view.Snapshot.NodeForecast(node.Node().Name).Lacks)
	return short(&bounds, forecast.Lower(p.view.Alone(node)), node)
}

func short(bounds *cycle.Bounds, use forecast.Amounts, node fwk.NodeInfo) (short Resources) {
	for r, over := range bounds.Over(use, forecast.AllocatableOf(node)) {
		if over {
			short |= resources[r]
		}
	}
	return short
}
