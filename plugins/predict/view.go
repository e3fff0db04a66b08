// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
)

// View is one cycle's view of what nodes will use, by one snapshot and for one pod.
type View struct {
	Snapshot *Snapshot
	// Pod to add to each node; the zero value adds nothing.
	Pod PodForecast
	// Horizon that counts.
	Horizon Horizon
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
	Counts Set
	// Harm says that nodes are scored by View.Score.
	Harm bool
}

// Predicting is a cycle state with a prediction.
type Predicting interface{ Prediction() *Prediction }

// Where ResourceFit and Taints keep their predictions in the cycle state.
const (
	PeaksState    fwk.StateKey = "PreFilterPeak" + config.ResourceFitName
	PressureState fwk.StateKey = "PreFilter" + config.TaintsName
)

// PredictionIn is the prediction that a plugin keeps in the cycle state under the key, or nil where it keeps none.
func PredictionIn(state fwk.CycleState, key fwk.StateKey) *Prediction {
	data, err := state.Read(key)
	if err != nil {
		return nil
	}
	if p, ok := data.(Predicting); ok {
		return p.Prediction()
	}
	return nil
}

// Upper returns the upper bounds of the pod's peaks over a horizon, in cores and bytes.
func (f *PodForecast) Upper(h Horizon) (upper Amounts) {
	for r := range upper {
		upper[r] = f.Peaks[h][r].Upper
	}
	return upper
}

// Integers are cores and bytes in milli-CPUs and bytes, rounded up, as upstream counts.
func Integers(a Amounts) (milliCPU, memory int64) {
	return ceil(1000 * a[CPU]), ceil(a[Memory])
}

func ceil(v float64) int64 { return int64(min(math.Ceil(v), 1<<62)) }

// Intervals are one of each resource.
type Intervals [NumResources]Interval

// Upper returns the upper ends.
func Upper(i Intervals) Amounts { return Amounts{i[CPU].Upper, i[Memory].Upper} }

// Lower returns the lower ends.
func Lower(i Intervals) Amounts { return Amounts{i[CPU].Lower, i[Memory].Lower} }

// Peaks returns the predicted peak of a node with the pod, in cores and bytes, and the
// node's part in it. Nobody may write to that.
func (v *View) Peaks(state fwk.CycleState, node fwk.NodeInfo) (Intervals, *NodeForecast) {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.PeaksOf(&f.Load, &f.Forecast), &f.Forecast
}

// Alone returns what Peaks would with all pods of the node gone: what no eviction lowers.
func (v *View) Alone(node fwk.NodeInfo) Intervals {
	forecast := v.Snapshot.NodeForecast(node.Node().Name)
	return v.PeaksOf(&NodeLoad{}, &forecast)
}

// PeaksOf is Peaks of a node whose pods' load and whose forecast are at hand.
func (v *View) PeaksOf(load *NodeLoad, forecast *NodeForecast) (peaks Intervals) {
	h := v.Horizon
	for r := range peaks {
		peaks[r] = PeakWith(forecast.Residual[h][r], load[h][r], v.Pod.Peaks[h][r], v.Snapshot.Combiner(h, Resource(r)))
	}
	return peaks
}

// AllocatableOf returns what a node has for pods, in cores and bytes.
func AllocatableOf(node fwk.NodeInfo) Amounts {
	a := node.GetAllocatable()
	return Amounts{CPU: float64(a.GetMilliCPU()) / 1000, Memory: float64(a.GetMemory())}
}
