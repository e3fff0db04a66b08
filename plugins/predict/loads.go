// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/pernode"
)

// Loads adds up what the pods of nodes will use. It looks at NodeInfo, so pods that were bound a moment ago count, by
// whatever scheduler. The zero value is ready, and safe for concurrent use.
type Loads struct{ sums pernode.Cache[NodeLoad] }

// Of returns the load of the node's pods as the snapshot forecasts them.
func (l *Loads) Of(state fwk.CycleState, s *Snapshot, node fwk.NodeInfo) NodeLoad {
	return l.sums.Get(state, node, s.PodsEpoch(), func() (sum NodeLoad) {
		for _, p := range node.GetPods() {
			f := s.Resident(p)
			sum.Add(&f)
		}
		return sum
	})
}

// Forget lets go of nodes that are gone; call it once a cycle, with how many nodes there are.
func (l *Loads) Forget(nodes int) { l.sums.Forget(nodes) }
