// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodeindex finds the best of all nodes for a pod in microseconds and hands it to
// upstream as the node hint. Upstream then runs every filter on that one node, and searches
// as usual where one refuses, so a hint is never a risk to correctness: what the index must
// get right, and does exactly, is the score that the profile would give over all nodes.
//
// Where a profile or a pod asks for something that the index does not know, it gives no
// hint, and counts why.
package nodeindex

import (
	"math/rand/v2"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/postings"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/judge"
)

var nothing = labels.Nothing()

// Index knows the nodes of the scheduler's snapshot. It belongs to the goroutine that
// schedules.
type Index struct {
	table   *table.Table
	changes *changes
	owners  owners
	metrics *Metrics
	random  *rand.Rand
	tell    func(Answer)

	query         query
	termsOfPlaced []placedTerm
	every         []int32 // row
	selected      []int32
	both          postings.Set
	stale         []int32
	feasible      []int32
	total         []int64
	futures       []future // by row
	disliked      []int32  // by feasible row
	shares        []int64
	before        []int32 // scores, by row that is scored anew
	fits          map[shape]*fits
	spare         []*fits
	fitRows       int                 // that the bound of fits is for
	most          int                 // shapes, where not 0
	worlds        map[*policy]*judges // that fits are of
	looked        []judge.Row
	verdicts      []judge.Verdict
	ints          arena[int64]
	floats        arena[float64]
	bools         arena[bool]
	key           []byte
}

func newIndex(changes *changes, owners owners, metrics *Metrics, seed uint64) *Index {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &Index{
		table: table.New(), changes: changes, owners: owners, metrics: metrics, fits: map[shape]*fits{}, worlds: map[*policy]*judges{},
		random: rand.New(rand.NewPCG(seed, seed)),
	}
}

// keep bounds what is kept to n of each, where n is not 0.
func (x *Index) keep(n int) {
	x.most = n
	x.table.Keep(n)
}

// sync brings the table up to date with the snapshot that the cycle works on.
func (x *Index) sync(lister fwk.NodeInfoLister) bool {
	start := time.Now()
	names, all := x.changes.take()
	if !all {
		x.table.Update(lister, names)
	}
	// The snapshot lists its nodes in a slice, so this costs nothing, and a table that is
	// out of step, whyever, is found before it is asked.
	listed, err := lister.List()
	if err == nil && (all || len(listed) != x.table.Used || !x.table.Audit()) {
		err = x.table.Rebuild(lister)
		x.metrics.rebuilds.Inc()
	}
	if err != nil {
		x.changes.all()
		return false
	}
	x.metrics.updates.Observe(time.Since(start).Seconds())
	x.metrics.nodes.Set(float64(x.table.Used))
	return true
}

// answer says which node is the best for the pod, as far as the index can tell.
func (x *Index) answer(p *policy, pod *v1.Pod, state fwk.CycleState) answer {
	start := time.Now()
	x.ints.reset()
	x.bools.reset()
	x.floats.reset()
	x.table.Begin()
	q := &x.query
	x.compile(q, p, pod, state)
	var found found
	if q.why == "" {
		found = x.search(q, p)
	}
	// The one place where an answer is made of what was found. Nothing comes after it.
	if q.why != "" {
		return unanswered(q.why)
	}
	x.metrics.searches.Observe(time.Since(start).Seconds())
	if found.row < 0 {
		return answer{says: true}
	}
	return answer{says: true, node: x.table.Name(found.row), proof: q.proven, found: found}
}
