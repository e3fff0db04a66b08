// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package forecast is what plugins read: a Snapshot of what nodes and pods use and will use, and the arithmetic that adds
// pods up on a node. Package learn makes snapshots, off the scheduling path; package cycle keeps what one scheduling cycle
// makes of them.
//
// A plugin takes the snapshot once a cycle and looks the pod up once; per node it asks for
// the node's forecast and for the load of the node's pods, and PeakWith puts them together:
//
//	s := reader()                  // PreFilter
//	pod := s.Pod(p)
//	h := pod.Horizon()
//
//	node := loads.Of(state, s, nodeInfo)    // Filter and Score, per node
//	cpu := PeakWith(node.Forecast.Residual[h][CPU], node.Load[h][CPU], pod.Peaks[h][CPU], s.Combiner(h, CPU))
//
// A nil Snapshot knows nothing: pods count with what they request, and every node is blind.
package forecast
