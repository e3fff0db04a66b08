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

// Forecasts predict pressure where a node, with the pods it has, is to pass a bound. What only
// scores a node down looks at the use that is expected: an upper bound of the peak is passed by
// nearly all nodes, which tells none apart, and outvotes all other scores where it does. What
// refuses a node must be sure, and looks at the lower bound of the peak within the time the pod
// in hand is expected to run. It predicts nothing while too little is known, nor ever without an engine.
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

// On compares the predicted peaks with the node's bounds.
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

// Lasts compares what is left of the predicted peaks without the node's pods.
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
