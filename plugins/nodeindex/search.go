// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// found is the result of a search: the best row, its score, the number of feasible rows, and how
// many of them have the same score. If no row is feasible, row is -1. If only one is, it is not
// scored, as in upstream.
type found struct {
	row      int32
	score    int64
	feasible int
	ties     int
}

// search finds the best of all nodes.
func (x *Index) search(q *terms.Query, p *terms.Terms) found {
	fits := x.fitsOf(q, p)
	if q.Plain() {
		return x.lead(q, fits)
	}
	return x.pass(q, fits)
}

// pass looks at every node. It takes two passes, since upstream scales scores to 0–100 by those of
// the feasible nodes.
func (x *Index) pass(q *terms.Query, fits *fits) found {
	// 1. Find the feasible nodes and what is kept of their scores.
	x.filter(q, fits)
	switch len(x.feasible) {
	case 0:
		return found{row: -1}
	case 1:
		return found{row: x.feasible[0], feasible: 1, ties: 1}
	}

	// 2. Find the best; of equal ones choose any, as upstream does.
	q.Score(x.feasible, x.total)
	best := found{score: math.MinInt64, feasible: len(x.feasible)}
	ties := 0
	for _, score := range x.total {
		if score > best.score {
			best.score, ties = score, 0
		}
		if score == best.score {
			ties++
		}
	}
	best.ties = ties
	nth := x.random.IntN(ties)
	for i, score := range x.total {
		if score != best.score {
			continue
		}
		if nth == 0 {
			best.row = x.feasible[i]
			break
		}
		nth--
	}
	return best
}

// filter finds the feasible rows and begins their totals with what is kept of them.
func (x *Index) filter(q *terms.Query, fits *fits) {
	rows := x.candidates(q)
	resize(&x.feasible, len(rows))
	resize(&x.total, len(rows))
	n, stale := x.take(q, fits, rows, 0)
	if len(stale) > 0 {
		fits.score(x, q, stale)
		n, _ = x.take(q, fits, stale, n)
	}
	if q.Constrained() {
		n = q.Admit(x.feasible[:n], x.total[:n])
	}
	x.feasible, x.total = x.feasible[:n], x.total[:n]
}

// take appends to the first n feasible rows those of the given rows that fit the pod and whose
// taints do not refuse it, and returns their new number. Rows with a stale score are returned
// instead.
func (x *Index) take(q *terms.Query, fits *fits, rows []int32, n int) (int, []int32) {
	classes, scores, outdated, verdict := x.table.Classes, fits.Scores, fits.stale, q.Taints.Verdict
	feasible, total := x.feasible, x.total
	stale := x.stale[:0]
	for _, row := range rows {
		if verdict[classes[row]] == terms.Refused {
			continue
		}
		if outdated.Has(row) {
			stale = append(stale, row)
			continue
		}
		score := scores[row]
		if score == terms.NoFit {
			continue
		}
		feasible[n], total[n] = row, int64(score)
		n++
	}
	x.stale = stale
	return n, stale
}

// candidates returns the rows that node affinity allows.
func (x *Index) candidates(q *terms.Query) []int32 {
	if allowed := q.Allowed(); allowed != nil {
		x.selected = allowed.AppendTo(x.selected[:0])
		return x.selected
	}
	for len(x.every) < len(x.table.Rows) {
		x.every = append(x.every, int32(len(x.every)))
	}
	return x.every
}

// resize returns the buffer with n elements of any content.
func resize[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n, n+n/4)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}
