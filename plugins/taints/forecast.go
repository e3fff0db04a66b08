// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// Forecasts predict pressure where a node, with the pods it has, is to pass a bound. What only
// scores a node down looks at the use that is expected: an upper bound of the peak is passed by
// nearly all nodes, which tells none apart, and outvotes all other scores where it does. What
// refuses a node must be sure, and looks at the lower bound of the peak within the time the pod
// in hand is expected to run. It predicts nothing while too little is known, nor ever without a reader.
func Forecasts(read predict.Reader) PressureSource {
	if read == nil {
		return nil
	}
	return func(args *config.PredictedPressure) PressureReader {
		f := &forecasts{
			bounds: predict.NewNodeBounds(predict.BoundsOf(args.Max), nil),
			sure:   args.Effect == v1.TaintEffectNoSchedule,
		}
		return func(pod *v1.Pod) Pressure {
			s := read()
			if s.Blind() {
				return nil
			}
			f.loads.Forget(s.NumForecasts())
			f.bounds.Forget(s.NumForecasts())
			forecast := s.Pod(pod)
			return &forecastPressure{
				forecasts: f,
				view:      predict.View{Snapshot: s, Horizon: forecast.Horizon(), Loads: &f.loads},
			}
		}
	}
}

type forecasts struct {
	bounds *predict.NodeBounds
	sure   bool
	loads  predict.Loads
}

type forecastPressure struct {
	*forecasts
	view predict.View
}

var resources = [predict.NumResources]Resources{predict.CPU: CPU, predict.Memory: Memory}

// On compares the predicted peaks with the node's bounds.
func (p *forecastPressure) On(state fwk.CycleState, node fwk.NodeInfo) (short Resources) {
	bounds := p.bounds.Of(state, node)
	if bounds.Off {
		return 0
	}
	use, forecast := p.view.Expected(state, node)
	if forecast.Rung == predict.Blind {
		return 0
	}
	bounds = bounds.Without(forecast.Lacks)
	if p.sure {
		peaks, _ := p.view.Peaks(state, node)
		use = predict.Lower(peaks)
	}
	for r, over := range bounds.Over(use, predict.AllocatableOf(node)) {
		if over {
			short |= resources[r]
		}
	}
	return short
}
