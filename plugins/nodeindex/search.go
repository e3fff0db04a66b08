// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// found is what a search found: the best row, its score, how many rows are feasible, and how many of them
// score the same. Where none is, row is -1; where one is, it is not scored, as upstream does not.
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

// pass looks at every node. It takes two passes, since upstream brings scores to 0–100 by what
// the feasible nodes have.
func (x *Index) pass(q *terms.Query, fits *fits) found {
	// 1. Which nodes are feasible, and what they score for resources.
	x.filter(q, fits)
	switch len(x.feasible) {
	case 0:
		return found{row: -1}
	case 1:
		return found{row: x.feasible[0], feasible: 1, ties: 1}
	}

	// 2. Which of them scores best; of equals any one, as upstream.
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

// filter finds the feasible rows and begins their total with what is kept of them.
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

// take adds those of the rows that fit the pod, and that its taints do not refuse, to the first n, and returns how many there
// are then. Rows whose score is stale it returns instead.
func (x *Index) take(q *terms.Query, fits *fits, rows []int32, n int) (int, []int32) {
	classes, scores, outdated, verdict := x.table.Classes, fits.Scores, fits.stale, q.Taints.Verdict
	feasible, total := x.feasible, x.total
	stale := x.stale[:0]
	for _, row := range rows {
		if verdict[classes[row]] == terms.Refused {
			continue
		}
		if outdated[row/64]>>(row%64)&1 != 0 {
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

// candidates are the rows that node affinity allows.
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

// resize returns the buffer with n elements, whatever they hold.
func resize[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n, n+n/4)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}
