// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Loads are the sums of what the pods of each node will use, kept with the nodes' own forecasts.
// Pods are read from NodeInfo, so a pod counts as soon as it is bound, by any scheduler. The zero
// value is ready, and safe for concurrent use.
type Loads struct{ nodes pernode.Cache[NodeFuture] }

// NodeFuture is what a node will use: the sum of its pods, and the use beyond them.
type NodeFuture struct {
	Load      forecast.NodeLoad
	Use       forecast.NodeUse
	Forecast  forecast.NodeForecast
	podsEpoch uint64
	foreseen  bool // by a snapshot: epochs of none count for nothing
}

// Of returns the future of the node as the snapshot forecasts it. The result must not be changed.
func (l *Loads) Of(state fwk.CycleState, s *forecast.Snapshot, node fwk.NodeInfo) *NodeFuture {
	return l.nodes.Get(state, node, s.Epoch(), func() NodeFuture {
		name := node.Node().Name
		f := NodeFuture{Forecast: s.NodeForecast(name), podsEpoch: s.PodsEpoch(), foreseen: s != nil}
		// Forecasts of nodes change with every epoch, those of pods less often. If the pods and
		// their forecasts are the same, their sum is taken over. In the cycle of a pod group the
		// generation does not tell whether the pods are the same.
		if generation, last, ok := l.nodes.Kept(name); ok && generation == node.GetGeneration() && last.podsEpoch == f.podsEpoch && last.foreseen == f.foreseen &&
			!state.IsPodGroupSchedulingCycle() {
			f.Load, f.Use = last.Load, last.Use
			return f
		}
		allocatable := forecast.AllocatableOf(node)
		for _, p := range node.GetPods() {
			forecast := s.Resident(p, allocatable)
			f.Load.Add(&forecast)
			f.Use.Add(&forecast)
		}
		return f
	})
}

// Forget drops nodes that are gone. Call it once a cycle with the number of nodes.
func (l *Loads) Forget(nodes int) { l.nodes.Forget(nodes) }
