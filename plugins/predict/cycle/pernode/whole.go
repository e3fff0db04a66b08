// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pernode

import fwk "k8s.io/kube-scheduler/framework"

// Whole gives back nodes with their pods. An extender that is not nodeCacheCapable sends nodes back as API objects, and
// upstream scores NodeInfos made of them, which have no pods. The zero value takes every NodeInfo as it is.
type Whole struct{ nodes fwk.NodeInfoLister }

// WholeOf reads the snapshot of a handle, which may be nil or have none.
func WholeOf(h fwk.Handle) Whole {
	if h == nil || h.SnapshotSharedLister() == nil {
		return Whole{}
	}
	return Whole{h.SnapshotSharedLister().NodeInfos()}
}

// Of returns the snapshot's node of the same name for a node that has no pods, which costs a look at a map. Call it where
// nodes are scored; a filter may be asked about a node whose pods preemption has taken away.
func (w Whole) Of(node fwk.NodeInfo) fwk.NodeInfo {
	if w.nodes == nil || len(node.GetPods()) > 0 {
		return node
	}
	if whole, err := w.nodes.Get(node.Node().Name); err == nil {
		return whole
	}
	return node
}

// All is Of for each of the nodes. It returns the same slice where all are whole.
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
