// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/peak"
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

// Combiner is peak.Combiner.
type Combiner = peak.Combiner

// Combiners returns how the peaks of a node's pods add up, over the view's horizon.
func (v *View) Combiners() (c [NumResources]Combiner) {
	for r := range c {
		c[r] = v.Snapshot.Combiner(v.Horizon, Resource(r))
	}
	return c
}

// Prediction is what a plugin judges nodes by in one cycle. A plugin's cycle state that is
// Predicting tells it to the node index, which must judge alike.
type Prediction struct {
	View   View
	Bounds *NodeBounds
	// Filters says that nodes can be refused by it.
	Filters bool
	// Counts says which resources count.
	Counts [NumResources]bool
}

// Predicting is a cycle state with a prediction.
type Predicting interface{ Prediction() *Prediction }

// Upper returns the upper bounds of the pod's peaks over a horizon, in cores and bytes.
func (f *PodForecast) Upper(h Horizon) (upper [NumResources]float64) {
	for r := range upper {
		upper[r] = f.Peaks[h][r].Upper
	}
	return upper
}

// Integers are cores and bytes in milli-CPUs and bytes, rounded up, as upstream counts.
func Integers(a [NumResources]float64) (milliCPU, memory int64) {
	return ceil(1000 * a[CPU]), ceil(a[Memory])
}

func ceil(v float64) int64 { return int64(min(math.Ceil(v), 1<<62)) }

// Peaks returns the predicted peak of a node with the pod, in cores and bytes, and where
// the node's part comes from.
func (v *View) Peaks(state fwk.CycleState, node fwk.NodeInfo) ([NumResources]Interval, NodeRung) {
	load := v.Loads.Of(state, v.Snapshot, node)
	return v.peaks(&load, node)
}

// Alone returns what Peaks would with all pods of the node gone: what no eviction lowers.
func (v *View) Alone(node fwk.NodeInfo) [NumResources]Interval {
	peaks, _ := v.peaks(&NodeLoad{}, node)
	return peaks
}

func (v *View) peaks(load *NodeLoad, node fwk.NodeInfo) (peaks [NumResources]Interval, rung NodeRung) {
	f := v.Snapshot.NodeForecast(node.Node().Name)
	h := v.Horizon
	for r := range peaks {
		peaks[r] = PeakWith(f.Residual[h][r], load[h][r], v.Pod.Peaks[h][r], v.Snapshot.Combiner(h, Resource(r)))
	}
	return peaks, f.Rung
}

// AllocatableOf returns what a node has for pods, in cores and bytes.
func AllocatableOf(node fwk.NodeInfo) Amounts {
	a := node.GetAllocatable()
	return Amounts{CPU: float64(a.GetMilliCPU()) / 1000, Memory: float64(a.GetMemory())}
}
