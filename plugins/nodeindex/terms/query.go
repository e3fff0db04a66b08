// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/postings"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Query is what one pod asks of every node, compiled by the terms of its profile. It is reused for
// the next pod, of any profile.
type Query struct {
	Pod   *v1.Pod
	State fwk.CycleState

	// Taints judges the classes of taints of rows.
	Taints *Taints
	// Shape and World are what keepers judge rows by.
	Shape Shape
	World World
	// Kept are their verdicts on rows for this shape. The caller sets it after Compile.
	Kept *Kept

	why    Reason
	proven []any // see Proof

	// What the terms do for this pod.
	keepers   []keeper
	allowed   postings.Set // nil allows all rows
	admitters []admitter
	scorers   []scorer
	compares  bool // one of the scorers is none of those that score alike
	alike     []alike
	kind      []int64 // the numbers by which those score
	pressed   bool    // predicted pressure counts
	clocks    []clock // by which what is kept holds

	// Of all pods.
	table   *table.Table
	owners  Owners
	futures []future // by row
	both    postings.Set
	key     []byte

	// Lent until the next pod.
	ints   arena[int64]
	floats arena[float64]
	bools  arena[bool]
}

// clock is that of a judge whose verdicts hold for a time.
type clock interface{ Now() time.Time }

// NewQuery returns the query for all pods that are asked about on this table.
func NewQuery(t *table.Table, owners Owners) *Query { return &Query{table: t, owners: owners} }

// begin prepares the query for the next pod.
func (q *Query) begin(pod *v1.Pod, state fwk.CycleState) {
	q.ints.reset()
	q.bools.reset()
	q.floats.reset()
	q.table.Begin()
	q.Pod, q.State, q.why, q.proven = pod, state, "", q.proven[:0]
	q.Shape, q.World, q.Kept = Shape{}, World{}, nil
	q.keepers, q.admitters, q.scorers, q.alike = q.keepers[:0], q.admitters[:0], q.scorers[:0], q.alike[:0]
	q.allowed, q.compares, q.pressed = nil, false, false
	q.kind, q.clocks = q.kind[:0], q.clocks[:0]
}

// These methods are called by compile: they are what a term has the query do.

// keeps has the term judge rows for the query's shape, after those registered before it.
func (q *Query) keeps(k keeper) { q.keepers = append(q.keepers, k) }

// allows restricts the rows to those of the set.
func (q *Query) allows(set postings.Set) {
	if q.allowed == nil {
		q.allowed = set
		return
	}
	q.both = append(q.both[:0], q.allowed...)
	q.both.And(set)
	q.allowed = q.both
}

// byClass has rows judged by their classes of taints, alike for all pods with the same verdicts.
func (q *Query) byClass(t *Taints) {
	q.Taints = t
	if t.weight > 0 {
		q.scorers = append(q.scorers, t)
	}
}

// admits has the term look at each row that fits, for this pod only.
func (q *Query) admits(a admitter) { q.admitters = append(q.admitters, a) }

// scores has the term score all feasible rows, for this pod only.
func (q *Query) scores(s scorer) {
	q.scorers = append(q.scorers, s)
	q.compares = true
}

// scoresAlike has the term score each row, alike for all pods with the same numbers.
func (q *Query) scoresAlike(a alike, numbers []int64) {
	q.scorers = append(q.scorers, a)
	q.alike = append(q.alike, a)
	q.kind = append(append(q.kind, int64(len(numbers))), numbers...)
}

// predictsBy has all rows judged by one snapshot of the forecasts.
func (q *Query) predictsBy(s *forecast.Snapshot) {
	if q.World.snapshot != nil && q.World.snapshot != s {
		q.cannotSay(ReasonSnapshot) // A new one came between two plugins: the next pod has one.
	}
	q.World.snapshot = s
}

// proves records that all nodes are judged by something that a prover counts for. Call it in the
// pod's order.
func (q *Query) proves(counted any) { q.proven = append(q.proven, counted) }

// topology returns the column of a label, or nil if the query cannot be answered.
func (q *Query) topology(label string) *table.Topology {
	t := q.table.Topology(label)
	if t == nil {
		q.cannotSay(ReasonTopology)
	}
	return t
}

// The index calls these methods.

// Proof returns what all nodes were judged by. It is valid until the next query.
func (q *Query) Proof() Proof { return q.proven }

// Plain reports whether nodes differ for the pod only in what is kept for its shape, in their
// classes of taints, and in scores that are alike for all pods of its Kind.
func (q *Query) Plain() bool {
	return q.allowed == nil && len(q.admitters) == 0 && !q.compares && len(q.Taints.Verdict) <= maxPlainClasses
}

// maxPlainClasses is the most classes of taints of a plain query.
const maxPlainClasses = 256

// Kind returns all numbers given to scoresAlike. Plain pods of one shape and kind, with the same
// verdicts on taints, have the same score for each row. The slice is valid until the next query.
func (q *Query) Kind() []int64 { return q.kind }

// Pressed reports whether Kept.Pressed counts.
func (q *Query) Pressed() bool { return q.pressed }

// Allowed returns the rows that the pod may go to. Nil means all.
func (q *Query) Allowed() postings.Set { return q.allowed }

// Constrained reports whether Admit may refuse rows.
func (q *Query) Constrained() bool { return len(q.admitters) > 0 }

// judgedAtOnce is the number of rows that one keeper after the other judges while they are in the
// CPU's caches.
const judgedAtOnce = 512

// Judge updates the rows of q.Kept.
func (q *Query) Judge(rows []int32) {
	if len(q.keepers) == 1 {
		q.keepers[0].judge(q, rows)
		return
	}
	for some := range slices.Chunk(rows, judgedAtOnce) {
		for _, k := range q.keepers {
			k.judge(q, some)
		}
	}
}

// Expired reports whether what is kept no longer holds.
func (q *Query) Expired(kept *Kept) bool {
	if kept.until.IsZero() {
		return false
	}
	for _, c := range q.clocks {
		if c.Now().After(kept.until) {
			return true
		}
	}
	return false
}

// Admit keeps the rows that the pod may go to, with their totals, and returns their number.
func (q *Query) Admit(rows []int32, totals []int64) int {
	for _, a := range q.admitters {
		n := a.admit(q, rows, totals)
		rows, totals = rows[:n], totals[:n]
	}
	return len(rows)
}

// Score makes the totals of all feasible rows, at least two, the weighted sum of all scores. On
// entry, they hold what is kept.
func (q *Query) Score(rows []int32, totals []int64) {
	for _, s := range q.scorers {
		s.score(q, rows, totals)
	}
}

// ScoresRows reports whether ScoreRows adds anything.
func (q *Query) ScoresRows() bool { return len(q.alike) > 0 }

// ScoreRows adds the scores that are alike for all pods of the kind to the scores of the rows from
// the first on.
func (q *Query) ScoreRows(first int32, scores []int64) {
	for _, a := range q.alike {
		a.scoreRows(q, first, scores)
	}
}

// resize returns the buffer with n elements of any content.
func resize[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n, n+n/4)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}

// sharesOf returns 100·n/most for every n up to most, in the buffer: for most = 3 it is 0, 33, 66,
// 100. A division for every row would take longer than everything else about it.
func sharesOf(buffer *[]int64, most int64) []int64 {
	shares := resize(buffer, int(most)+1)
	for n := range shares {
		shares[n] = fwk.MaxScore * int64(n) / most
	}
	return shares
}
