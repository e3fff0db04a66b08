// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	fwk "k8s.io/kube-scheduler/framework"
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
