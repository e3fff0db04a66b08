// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// View is one cycle's view of what nodes will use, by one snapshot and for one pod.
type View struct {
	Snapshot *forecast.Snapshot
	// Pod to add to each node; the zero value adds nothing.
	Pod forecast.PodForecast
	// Horizon that counts.
	Horizon forecast.Horizon
	Loads   *Loads
}

// Prediction is what a plugin judges nodes by in one cycle. A plugin's cycle state that is
// Predicting tells it to the node index, which must judge alike.
type Prediction struct {
	View   View
	Bounds *NodeBounds
	// Filters says that nodes can be refused by it.
	Filters bool
	// Overcommits says that the upper bound of what a node uses refuses it, not only the lower one, also
	// where nothing is known of the node.
	Overcommits bool
	// Counts says which resources count.
	Counts forecast.Set
	// Harm says that nodes are scored by View.Score.
	Harm bool
}

// Predicting is a cycle state with a prediction.
type Predicting interface {
	fwk.StateData
	Prediction() *Prediction
}

// Where ResourceFit and Taints keep their predictions in the cycle state.
const (
	PeaksState    fwk.StateKey = "PreFilterPeak" + config.ResourceFitName
	PressureState fwk.StateKey = "PreFilter" + config.TaintsName
)

// PredictionIn is the prediction that a plugin keeps in the cycle state under the key, or nil where it keeps none.
func PredictionIn(state fwk.CycleState, key fwk.StateKey) *Prediction {
	if p := cyclestate.Of[Predicting](state, key); p != nil {
		return p.Prediction()
	}
	return nil
}

// Peaks returns the predicted peak of a node with the pod, in cores and bytes, and the
// node's part in it. Nobody may write to that.
func (v *View) Peaks(state fwk.CycleState, node fwk.NodeInfo) (forecast.Intervals, *forecast.NodeForecast) {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.PeaksOf(&f.Load, &f.Forecast), &f.Forecast
}

// Alone returns what Peaks would with all pods of the node gone: what no eviction lowers.
func (v *View) Alone(node fwk.NodeInfo) forecast.Intervals {
	predicted := v.Snapshot.NodeForecast(node.Node().Name)
	return v.PeaksOf(&forecast.NodeLoad{}, &predicted)
}

// PeaksOf is Peaks of a node whose pods' load and whose forecast are at hand.
func (v *View) PeaksOf(load *forecast.NodeLoad, predicted *forecast.NodeForecast) (peaks forecast.Intervals) {
	h := v.Horizon
	for r := range peaks {
		peaks[r] = forecast.PeakWith(predicted.Residual[h][r], load[h][r], v.Pod.Peaks[h][r], v.Snapshot.Combiner(h, forecast.Resource(r)))
	}
	return peaks
}
