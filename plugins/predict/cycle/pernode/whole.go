// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pernode

import fwk "k8s.io/kube-scheduler/framework"

// Whole finds the complete NodeInfo of nodes that lost their pods. An extender that is not
// nodeCacheCapable returns nodes as API objects, and upstream then scores NodeInfos without pods,
// made of these objects. The zero value returns every NodeInfo as it is.
type Whole struct{ nodes fwk.NodeInfoLister }

// WholeOf returns a Whole that reads the snapshot of a handle. The handle may be nil or have none.
func WholeOf(h fwk.Handle) Whole {
	if h == nil || h.SnapshotSharedLister() == nil {
		return Whole{}
	}
	return Whole{h.SnapshotSharedLister().NodeInfos()}
}

// Of returns the node itself if it has pods, otherwise the snapshot's node of the same name, which
// costs one map lookup. Call it only where nodes are scored: a filter may be asked about a node
// from which preemption has removed the pods on trial.
func (w Whole) Of(node fwk.NodeInfo) fwk.NodeInfo {
	if w.nodes == nil || len(node.GetPods()) > 0 {
		return node
	}
	if whole, err := w.nodes.Get(node.Node().Name); err == nil {
		return whole
	}
	return node
}

// All calls Of for each node. If every node is complete, it returns the same slice.
func (w Whole) All(nodes []fwk.NodeInfo) []fwk.NodeInfo {
	out := nodes
	for i, n := range nodes {
		whole := w.Of(n)
		if whole == n {
			continue
		}
		if &out[0] == &nodes[0] {
			out = append([]fwk.NodeInfo(nil), nodes...)
		}
		out[i] = whole
	}
	return out
}
