// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Loads adds up what the pods of nodes will use, and keeps it with the nodes' own forecasts. It looks at NodeInfo, so pods
// that were bound a moment ago count, by whatever scheduler. The zero value is ready, and safe for concurrent use.
type Loads struct{ nodes pernode.Cache[NodeFuture] }

// NodeFuture is what a node will use: its pods, and what it uses beyond them.
type NodeFuture struct {
	Load      forecast.NodeLoad
	Use       forecast.NodeUse
	Forecast  forecast.NodeForecast
	podsEpoch uint64
	foreseen  bool // by a snapshot: epochs of none count for nothing
}

// Of returns the future of the node as the snapshot forecasts it. Nobody may write to it.
func (l *Loads) Of(state fwk.CycleState, s *forecast.Snapshot, node fwk.NodeInfo) *NodeFuture {
	return l.nodes.Get(state, node, s.Epoch(), func() NodeFuture {
		name := node.Node().Name
		f := NodeFuture{Forecast: s.NodeForecast(name), podsEpoch: s.PodsEpoch(), foreseen: s != nil}
		// Nodes age in every epoch, which is no reason to add up their pods again. In a group's cycle a generation says nothing.
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

// Forget lets go of nodes that are gone; call it once a cycle, with how many nodes there are.
func (l *Loads) Forget(nodes int) { l.nodes.Forget(nodes) }
