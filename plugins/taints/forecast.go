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
// in hand is expected to run. It predicts nothing while too little is known, nor ever without a reader.
func Forecasts(read forecast.Reader) PressureSource {
	if read == nil {
		return nil
	}
	return func(args *config.PredictedPressure) PressureReader {
		f := &forecasts{
			bounds: cycle.NewNodeBounds(cycle.BoundsOf(args.Max), nil),
			sure:   args.Effect == v1.TaintEffectNoSchedule,
		}
		return func(pod *v1.Pod) Pressure {
			s := read()
			if s.Blind() {
				return nil
			}
			f.loads.Forget(s.NumForecasts())
			f.bounds.Forget(s.NumForecasts())
			predicted := s.Pod(pod)
			return &forecastPressure{
				forecasts: f,
				view:      cycle.View{Snapshot: s, Horizon: predicted.Horizon(), Loads: &f.loads},
			}
		}
	}
}

type forecasts struct {
	bounds *cycle.NodeBounds
	sure   bool
	loads  cycle.Loads
}

type forecastPressure struct {
	*forecasts
	view cycle.View
}

var resources = [forecast.NumResources]Resources{forecast.CPU: CPU, forecast.Memory: Memory}

// On compares the predicted peaks with the node's bounds.
func (p *forecastPressure) On(state fwk.CycleState, node fwk.NodeInfo) (short Resources) {
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
	for r, over := range bounds.Over(use, forecast.AllocatableOf(node)) {
		if over {
			short |= resources[r]
		}
	}
	return short
}
