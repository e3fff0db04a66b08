// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodeindex finds the best of all nodes for a pod in microseconds and gives it to upstream
// as the node hint. Upstream then runs every filter on that node, and searches as usual if one
// refuses it, so a hint is never a risk to correctness. What the index must compute exactly, and
// does, is the score that the profile would give over all nodes.
//
// If a profile or a pod asks for something that the index does not know, it gives no hint and
// counts the reason.
package nodeindex

import (
	"math/rand/v2"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// Index is a table of the nodes in the scheduler's snapshot, and the scores kept of them. It
// belongs to the goroutine that schedules.
type Index struct {
	table   *table.Table
	changes *changes
	groups  groups
	metrics *Metrics
	random  *rand.Rand
	tell    func(Answer)

	query    *terms.Query
	every    []int32 // row
	selected []int32
	stale    []int32
	feasible []int32
	total    []int64 // by feasible row
	before   []int32 // scores, by row that is scored anew
	block    [blockRows]int64

	fits    map[shape]*fits
	spare   []*fits
	fitRows int                           // that the bound of fits is for
	most    int                           // shapes, where not 0
	worlds  map[*terms.Terms]*terms.World // that fits are of
}

func newIndex(changes *changes, owners terms.Owners, metrics *Metrics, seed uint64) *Index {
	if seed == 0 {
		seed = rand.Uint64()
	}
	t := table.New()
	return &Index{
		table: t, changes: changes, groups: newGroups(), metrics: metrics, random: rand.New(rand.NewPCG(seed, seed)),
		query: terms.NewQuery(t, owners), fits: map[shape]*fits{}, worlds: map[*terms.Terms]*terms.World{},
	}
}

// keep limits what is kept to n of each, unless n is 0.
func (x *Index) keep(n int) {
	x.most = n
	x.table.Keep(n)
}

// sync updates the table from the snapshot that the cycle works on. group is true if it is the
// cycle of a pod group.
func (x *Index) sync(lister fwk.NodeInfoLister, group bool) bool {
	start := time.Now()
	names, all := x.changes.take()
	if !all {
		x.table.Update(lister, names)
	}
	// The snapshot lists its nodes in a slice, so this costs nothing. A table that is out of step,
	// for whatever reason, is found before it is asked.
	listed, err := lister.List()
	if err == nil && (all || len(listed) != x.table.Used || !x.table.Audit()) {
		err = x.table.Rebuild(lister)
		x.metrics.rebuilds.Inc()
	}
	if err != nil {
		x.changes.all()
		return false
	}
	x.groups.bring(x.table, lister, group)
	x.metrics.updates.Observe(time.Since(start).Seconds())
	x.metrics.nodes.Set(float64(x.table.Used))
	return true
}

// answer returns the best node for the pod, as far as the index can tell.
func (x *Index) answer(p *terms.Terms, pod *v1.Pod, state fwk.CycleState) answer {
	start := time.Now()
	q := x.query
	p.Compile(q, pod, state)
	var found found
	if q.Why() == "" {
		found = x.search(q, p)
	}
	// This is the only place where an answer is made of what was found. Nothing comes after it.
	if q.Why() != "" {
		return unanswered(q.Why())
	}
	x.metrics.searches.Observe(time.Since(start).Seconds())
	if found.row < 0 {
		return answer{says: true}
	}
	return answer{says: true, node: x.table.Name(found.row), proof: q.Proof(), found: found}
}
