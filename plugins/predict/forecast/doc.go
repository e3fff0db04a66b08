// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package forecast is what plugins read: a Snapshot of the current and future use of nodes and
// pods, and the arithmetic that adds up the pods of a node. Package learn makes snapshots, off the
// scheduling path. Package cycle keeps what is derived from them in one scheduling cycle.
//
// A plugin takes the snapshot once a cycle and looks the pod up once. For each node it gets the
// node's forecast and the load of its pods, and PeakWith combines them:
//
//	s := reader()                  // PreFilter
//	pod := s.Pod(p)
//	h := pod.Horizon()
//
//	node := loads.Of(state, s, nodeInfo)    // Filter and Score, per node
//	cpu := PeakWith(node.Forecast.Residual[h][CPU], node.Load[h][CPU], pod.Peaks[h][CPU], s.Combiner(h, CPU))
//
// A nil Snapshot knows nothing: pods count with their requests, and every node is blind.
package forecast
