// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
	"github.com/foresight-scheduler/foresight/plugins/rebalance/packing"
)

// packer empties the nodes of a run as the leader's loop does. In place of an autoscaler it removes each node that is empty, and brings the last one back when a
// pod fits nowhere.
type packer struct {
	*packing.Emptier
	mover *mover
	// nodes with their marks, by name.
	nodes map[string]*v1.Node
	marks map[string]time.Time
	moves bool // the newest look's move empties a node
	gone  []int
}

func newPacker(m *mover, o packing.Options) *packer {
	p := &packer{mover: m, nodes: map[string]*v1.Node{}, marks: map[string]time.Time{}}
	for _, n := range m.run.world.Nodes {
		p.nodes[n.Name] = n
	}
	p.Emptier = &packing.Emptier{World: &packed{m, p}, Options: o, Count: packing.NewMetrics()}
	return p
}

// emptiable is every node: nodes of a replay are ready, of one kind of owner, and there from the beginning.
func (p *packer) emptiable(node *v1.Node, _ time.Time) (packed bool, kept rebalance.Reason, marked time.Time) {
	return true, "", p.marks[node.Name]
}

// packed is a run as its packer sees it.
type packed struct {
	*mover
	packer *packer
}

// Mark has the scheduler see the taint at once.
func (p *packed) Mark(_ context.Context, node string, on bool, now time.Time) error {
	old := p.packer.nodes[node]
	is := old.DeepCopy()
	delete(p.packer.marks, node)
	is.Spec.Taints = nil
	for _, t := range old.Spec.Taints {
		if t.Key != claims.EmptyingTaint {
			is.Spec.Taints = append(is.Spec.Taints, t)
		}
	}
	if on {
		p.packer.marks[node] = now
		is.Spec.Taints = append(is.Spec.Taints, v1.Taint{Key: claims.EmptyingTaint, Effect: v1.TaintEffectPreferNoSchedule})
	}
	p.packer.nodes[node] = is
	return p.run.driver.nodes.update(old, is)
}

// Protected pods are none: a replay has no PodDisruptionBudgets.
func (p *packed) Protected(*rebalance.Pod) bool { return false }

// Waiting says whether a pod has no node.
func (p *packed) Waiting() bool {
	for i := range p.run.pods {
		if pod := &p.run.pods[i]; pod.object != nil && pod.node < 0 && p.run.world.Pods[i].Pinned == "" {
			return true
		}
	}
	return false
}

// TellNode counts, and removes the node that is empty. One with pods that were made for it stays.
func (p *packed) TellNode(node, result, _ string) {
	r := p.run
	if result != packing.Emptied {
		return
	}
	if r.now >= r.options.From {
		p.count.Emptied++
	}
	i := r.index[node]
	if len(r.nodes[i].pods) > 0 {
		return
	}
	if err := r.driver.nodes.remove(p.packer.nodes[node]); err != nil {
		return // It stays as it is.
	}
	delete(p.packer.marks, node)
	p.packer.nodes[node] = r.world.Nodes[i]
	r.nodes[i].removed = true
	p.packer.gone = append(p.packer.gone, i)
}

// grow brings nodes back while pods fit nowhere.
func (p *packer) grow() error {
	r := p.mover.run
	for len(p.gone) > 0 && p.World.Waiting() {
		i := p.gone[len(p.gone)-1]
		p.gone = p.gone[:len(p.gone)-1]
		r.nodes[i].removed = false
		if err := r.driver.nodes.add(r.world.Nodes[i]); err != nil {
			return err
		}
		r.driver.retry()
		if err := r.driver.schedule(r.bound); err != nil {
			return err
		}
	}
	return nil
}
