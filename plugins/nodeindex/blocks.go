// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"
	"slices"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// A pod that asks for nothing but resources scores the same for all else on every node, but for predicted pressure. Of its
// shape the best are kept by blocks of rows, so that for a replica nothing is looked at but the blocks of rows that changed,
// which is where the last pods went, and the best of each block.

// blockRows is near the root of the rows that large clusters have.
const blockRows = 64

// block is what the feasible rows of one block come to.
type block struct {
	feasible int32 // changed where a row of the block did
	best     level
}

const changed = int32(-1)

// level has, for each number of taints that predicted pressure counts as, the best score for resources and how many rows
// have it.
type level [predict.NumResources + 1]struct{ score, ties int32 }

// add takes so many rows with the score.
func (l *level) add(pressed int8, score, ties int32) {
	at := &l[pressed]
	if ties == 0 || at.ties > 0 && at.score > score {
		return
	}
	if at.score != score {
		at.score, at.ties = score, 0
	}
	at.ties += ties
}

// plain says whether all nodes that have the same score for resources and the same pressure have the same score, and whether
// nothing but taints and resources refuses any.
func (q *query) plain(p *policy) bool {
	return q.selection == nil && !q.constrained() && !(p.taints > 0 && q.dislikes) &&
		q.prefer == nil && len(q.images) == 0 && len(q.soft) == 0 && len(q.pods.points) == 0
}

// lead is pass for a plain query.
func (x *Index) lead(q *query, p *policy, fits *fits) answer {
	x.renew(q, p, fits)
	found := answer{row: -1, score: math.MinInt64}
	var best level
	for i := range fits.blocks {
		b := &fits.blocks[i]
		found.feasible += int(b.feasible)
		for pressed := range b.best {
			best.add(int8(pressed), b.best[pressed].score, b.best[pressed].ties)
		}
	}
	if found.feasible == 0 {
		return answer{row: -1}
	}

	// Pressure costs by what the most pressed has.
	most := 0
	for pressed := range best {
		if best[pressed].ties > 0 {
			most = pressed
		}
	}
	var totals [len(best)]int64
	for pressed := range best {
		share := fwk.MaxScore * int64(pressed) / int64(max(most, 1))
		totals[pressed] = int64(best[pressed].score) + p.taints*(fwk.MaxScore-share)
		if best[pressed].ties > 0 {
			found.score = max(found.score, totals[pressed])
		}
	}
	ties := 0
	for pressed := range best {
		if totals[pressed] != found.score {
			best[pressed].ties = 0
		}
		ties += int(best[pressed].ties)
	}

	nth := int32(0)
	if found.feasible > 1 {
		nth = int32(x.random.IntN(ties))
	} else {
		found.score = 0 // as pass has it, which does not score the only one
	}
	for i := range fits.blocks {
		n := fits.blocks[i].best.ofThe(&best)
		if nth < n {
			found.row = fits.nth(x, q, p, i, &best, nth)
			break
		}
		nth -= n
	}
	return found
}

// ofThe is how many rows of a block are of the best.
func (l *level) ofThe(best *level) (n int32) {
	for pressed := range l {
		if best[pressed].ties > 0 && l[pressed].score == best[pressed].score {
			n += l[pressed].ties
		}
	}
	return n
}

// renew brings the blocks up to date.
func (x *Index) renew(q *query, p *policy, fits *fits) {
	if !slices.Equal(fits.verdict, q.verdict) {
		fits.verdict = append(fits.verdict[:0], q.verdict...)
		fits.blocks = fits.blocks[:0]
	}
	for len(fits.blocks)*blockRows < len(fits.scores) {
		fits.blocks = append(fits.blocks, block{feasible: changed})
	}
	classes, scores := x.table.Classes, fits.scores
	stale := x.stale[:0]
	for i := range fits.blocks {
		if fits.blocks[i].feasible != changed {
			continue
		}
		for row := int32(i * blockRows); row < fits.end(i); row++ {
			if scores[row] == unknown && q.verdict[classes[row]] != refused {
				stale = append(stale, row)
			}
		}
	}
	x.stale = stale
	if len(stale) > 0 {
		fits.score(x, q, p, stale)
	}
	for i := range fits.blocks {
		if b := &fits.blocks[i]; b.feasible == changed {
			*b = fits.sum(x, q, p, i)
		}
	}
}

// end is the row behind a block's last one.
func (f *fits) end(i int) int32 { return int32(min((i+1)*blockRows, len(f.scores))) }

// sum looks at all rows of a block.
func (f *fits) sum(x *Index, q *query, p *policy, i int) (b block) {
	classes := x.table.Classes
	for row := int32(i * blockRows); row < f.end(i); row++ {
		score := f.scores[row]
		if score == noFit || q.verdict[classes[row]] == refused {
			continue
		}
		b.feasible++
		b.best.add(f.pressedOn(q, p, row), score, 1)
	}
	return b
}

func (f *fits) pressedOn(q *query, p *policy, row int32) int8 {
	if q.pressure == nil || p.taints == 0 {
		return 0
	}
	return f.pressed[row]
}

// nth row of a block, from 0, of those that are of the best.
func (f *fits) nth(x *Index, q *query, p *policy, i int, best *level, nth int32) int32 {
	for row := int32(i * blockRows); row < f.end(i); row++ {
		score := f.scores[row]
		if score == noFit || q.verdict[x.table.Classes[row]] == refused {
			continue
		}
		if at := &best[f.pressedOn(q, p, row)]; at.ties == 0 || at.score != score {
			continue
		}
		if nth == 0 {
			return row
		}
		nth--
	}
	return -1 // A block has as many as it was counted to have.
}
