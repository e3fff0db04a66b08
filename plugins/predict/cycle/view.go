// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// View is what one cycle knows of future use, from one snapshot and for one pod.
type View struct {
	Snapshot *forecast.Snapshot
	// Pod is the forecast added to that of each node. The zero value adds nothing.
	Pod forecast.PodForecast
	// Horizon is the one that counts for the pod.
	Horizon forecast.Horizon
	Loads   *Loads
}

// Prediction is what a plugin judges nodes by in one cycle. If the plugin's cycle state implements
// Predicting, the node index reads the Prediction from it and judges alike.
type Prediction struct {
	View   View
	Bounds *NodeBounds
	// Filters is true if the prediction can refuse nodes.
	Filters bool
	// Overcommits is true if a node is refused when the upper bound of its use is too high, not
	// only when the lower one is, even if nothing is known of the node.
	Overcommits bool
	// Counts holds the resources that count.
	Counts forecast.Set
	// Harm is true if nodes are scored by View.Score.
	Harm bool
}

// Predicting is a cycle state that holds a prediction.
type Predicting interface {
	fwk.StateData
	Prediction() *Prediction
}

// PeaksState and PressureState are the keys in the cycle state under which ResourceFit and Taints
// keep their predictions.
const (
	PeaksState    fwk.StateKey = "PreFilterPeak" + config.ResourceFitName
	PressureState fwk.StateKey = "PreFilter" + config.TaintsName
)

// PredictionIn returns the prediction that a plugin keeps in the cycle state under the key, or nil
// if there is none.
func PredictionIn(state fwk.CycleState, key fwk.StateKey) *Prediction {
	if p := cyclestate.Of[Predicting](state, key); p != nil {
		return p.Prediction()
	}
	return nil
}

// Peaks returns the predicted peak of a node with the pod, in cores and bytes, and the node's own
// forecast, which must not be changed.
func (v *View) Peaks(state fwk.CycleState, node fwk.NodeInfo) (forecast.Intervals, *forecast.NodeForecast) {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.PeaksOf(&f.Load, &f.Forecast), &f.Forecast
}

// Alone returns the predicted peak of the node with the pod if all other pods were gone. Evictions
// cannot lower the peak below that.
func (v *View) Alone(node fwk.NodeInfo) forecast.Intervals {
	predicted := v.Snapshot.NodeForecast(node.Node().Name)
	return v.PeaksOf(&forecast.NodeLoad{}, &predicted)
}

// PeaksOf is Peaks for a node whose forecast and load of pods are at hand.
func (v *View) PeaksOf(load *forecast.NodeLoad, predicted *forecast.NodeForecast) (peaks forecast.Intervals) {
	h := v.Horizon
	for r := range peaks {
		peaks[r] = forecast.PeakWith(predicted.Residual[h][r], load[h][r], v.Pod.Peaks[h][r], v.Snapshot.Combiner(h, forecast.Resource(r)))
	}
	return peaks
}
