// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"
	"math/bits"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// If nodes differ for a pod only in what is kept for its shape, in taints and in images, the pod is
// to the index what the replica before it was, and few rows have changed since. So the index keeps,
// besides a shape's scores, the best of every block of rows. A block without changed rows keeps its
// best, and the best of all is the best of the blocks. For example, 5,000 nodes are 157 blocks of
// 32 rows.

const (
	// blockRows balances the rows to look at if one has changed against the blocks to look at in
	// any case.
	blockRows = 32
	// maxKinds is the number of kinds of pods of one shape that are kept apart, such as those that
	// tolerate a taint and those that do not.
	maxKinds = 2
)

// blocks are the best of each block, for pods of one shape and one kind: they judge taints alike,
// and other terms score rows alike for them, as for the same images.
type blocks struct {
	all        []block
	verdict    []int32 // of each class of taints, as in terms.Taints
	kind       []int64 // by which other terms score
	classified int     // of the table
	most       int32   // disliked taints of a feasible row
	// worth is what each class of taints adds to a row's score, such that a refused class makes it
	// negative. It is empty if more than that counts.
	worth []int64
}

type block struct {
	best           int64 // the weighted score
	most           int32 // disliked taints of a feasible row
	ties, feasible uint8 // rows that score best, and all
	changed        bool  // since the rest was found
}

// lead does the work of pass for a plain query.
func (x *Index) lead(q *terms.Query, fits *fits) found {
	kept := fits.kindOf(q)
	if kept.classified != x.table.Classified {
		kept.classified = x.table.Classified
		kept.change()
	}

	// 1. Find changed blocks anew, and all blocks if the changes alter what a disliked taint
	// scores: upstream scales counts of them to 0–100 by the largest.
	x.scoreStale(q, fits)
	led, most := x.sumBlocks(q, fits, kept)
	if most != kept.most {
		kept.most = most
		kept.change()
		led, _ = x.sumBlocks(q, fits, kept)
	}

	// 2. Choose any one of the best.
	switch led.feasible {
	case 0:
		return found{row: -1}
	case 1:
		led.row, led.score = x.nthBest(q, fits, kept, led.score, 0), 0
	default:
		led.row = x.nthBest(q, fits, kept, led.score, x.random.IntN(led.ties))
	}
	return led
}

// kindOf returns the blocks of pods like this one. If there are none, all of them are to be found
// anew.
func (f *fits) kindOf(q *terms.Query) *blocks {
	for i := range f.kinds {
		if f.kinds[i].of(q) {
			f.kind = i
			return &f.kinds[i]
		}
	}
	// If two kinds alternate with a third one, the last one is kept.
	f.kind = (f.kind + 1) % maxKinds
	kept := &f.kinds[f.kind]
	kept.grow(len(f.Scores))
	kept.change()
	kept.verdict, kept.kind = append(kept.verdict[:0], q.Taints.Verdict...), append(kept.kind[:0], q.Kind()...)
	return kept
}

// of reports whether the blocks are those of pods like this one.
func (b *blocks) of(q *terms.Query) bool {
	return b.all != nil && slices.Equal(b.kind, q.Kind()) && slices.Equal(b.verdict, q.Taints.Verdict)
}

// change marks all blocks as changed.
func (b *blocks) change() {
	for i := range b.all {
		b.all[i].changed = true
	}
}

// grow makes blocks for that many rows.
func (b *blocks) grow(rows int) {
	for len(b.all)*blockRows < rows {
		b.all = append(b.all, block{changed: true})
	}
}

// scoreStale scores the rows with a stale score.
func (x *Index) scoreStale(q *terms.Query, fits *fits) {
	stale := x.stale[:0]
	for at, word := range fits.stale {
		for ; word != 0; word &= word - 1 {
			stale = append(stale, int32(at*64+bits.TrailingZeros64(word)))
		}
	}
	x.stale = stale
	if len(stale) > 0 {
		fits.score(x, q, stale)
	}
}

// sumBlocks finds changed blocks anew. It returns the best score of all blocks with the numbers of
// rows that have it and of feasible rows, and the most disliked taints of a feasible row.
func (x *Index) sumBlocks(q *terms.Query, fits *fits, kept *blocks) (found, int32) {
	shares := q.Taints.Shares(kept.most)
	kept.setWorth(q, shares)
	led, most := found{score: terms.Infeasible}, int32(0)
	for i := range kept.all {
		b := &kept.all[i]
		if b.changed {
			if len(kept.worth) > 0 {
				*b = x.sumPlainBlock(fits, kept.verdict, kept.worth, i)
			} else {
				*b = x.sumBlock(q, fits, shares, i)
			}
		}
		most = max(most, b.most)
		led.feasible += int(b.feasible)
		if b.best > led.score {
			led.score, led.ties = b.best, 0
		}
		if b.best == led.score {
			led.ties += int(b.ties)
		}
	}
	return led, most
}

// wordClasses is the number of classes of taints that one word distinguishes.
const wordClasses = 64

// setWorth sets worth from what each count of disliked taints scores.
func (b *blocks) setWorth(q *terms.Query, shares []int64) {
	b.worth = b.worth[:0]
	if q.Pressed() || q.ScoresRows() || len(q.Taints.Verdict) > wordClasses {
		return
	}
	for _, count := range q.Taints.Verdict {
		worth := int64(math.MinInt64 / 2)
		if count != terms.Refused {
			worth = shares[min(int(count), len(shares)-1)]
		}
		b.worth = append(b.worth, worth)
	}
}

// update tells the blocks of the rows their previous and current scores.
func (b *blocks) update(rows, classes, before, scores []int32) {
	all, worth := b.all, b.worth
	for i, row := range rows {
		if int(row/blockRows) >= len(all) {
			continue
		}
		of := &all[row/blockRows]
		was, is, class := int64(before[i]), int64(scores[row]), classes[row]
		if of.changed || was == is && len(worth) > 0 {
			continue
		}
		if int(class) >= len(worth) {
			of.changed = true
			continue
		}
		was, is = (was+worth[class])|was>>63, (is+worth[class])|is>>63
		if was < 0 || is < 0 {
			if was < 0 && is < 0 {
				continue
			}
			of.feasible += uint8(1 + is>>63)
			of.feasible -= uint8(1 + was>>63)
			// Which of the others are disliked most is not known.
			of.changed = b.verdict[class] > 0
		}
		switch {
		case is > of.best && is >= 0:
			of.best, of.ties = is, 1
		case is == of.best:
			of.ties++
		case was == of.best:
			of.ties--
			of.changed = of.changed || of.ties == 0
		}
	}
}

// sumPlainBlock does the work of sumBlock with one sum for each row. Whether a row is feasible is a
// sign, not a branch, since the CPU would mispredict the branch at every tenth row.
func (x *Index) sumPlainBlock(fits *fits, verdict []int32, worth []int64, i int) block {
	first, end := i*blockRows, min((i+1)*blockRows, len(fits.Scores))
	scores := fits.Scores[first:end]
	classes := x.table.Classes[first:end][:len(scores)]
	best, ties, infeasibles, seen := int64(0), 0, int64(0), uint64(0)
	for j, score := range scores {
		class := classes[j]
		total := (int64(score) + worth[class]) | int64(score)>>63 // NoFit is negative
		infeasibles += total >> 63
		seen |= 1 << (class % wordClasses) &^ uint64(total>>63)
		if total >= best {
			if total > best {
				best, ties = total, 0
			}
			ties++
		}
	}
	b := block{best: best, ties: uint8(ties), feasible: uint8(int64(len(scores)) + infeasibles)}
	if ties == 0 {
		b.best = terms.Infeasible
	}
	for ; seen != 0; seen &= seen - 1 {
		b.most = max(b.most, verdict[bits.TrailingZeros64(seen)])
	}
	return b
}

// blockScores returns the weighted scores of the rows of a block, Infeasible for infeasible rows,
// and the most disliked taints of a feasible one. The scores are valid until the next call.
func (x *Index) blockScores(q *terms.Query, fits *fits, shares []int64, i int) (scores []int64, most int32) {
	first, end := i*blockRows, min((i+1)*blockRows, len(fits.Scores))
	classes, pressed := x.table.Classes[first:end], fits.Pressed[first:end]
	verdict, pressure := q.Taints.Verdict, q.Pressed()
	scores = x.block[:end-first]
	for j, score := range fits.Scores[first:end] {
		count := verdict[classes[j]]
		if count == terms.Refused || score == terms.NoFit {
			scores[j] = terms.Infeasible
			continue
		}
		if pressure {
			count += int32(pressed[j])
		}
		most = max(most, count)
		// A count above the largest known one makes all blocks be found anew afterwards.
		scores[j] = int64(score) + shares[min(int(count), len(shares)-1)]
	}
	if q.ScoresRows() {
		q.ScoreRows(int32(first), scores)
	}
	return scores, most
}

// sumBlock returns the best of a block.
func (x *Index) sumBlock(q *terms.Query, fits *fits, shares []int64, i int) block {
	scores, most := x.blockScores(q, fits, shares, i)
	b := block{best: terms.Infeasible, most: most}
	for _, score := range scores {
		if score == terms.Infeasible {
			continue
		}
		b.feasible++
		if score > b.best {
			b.best, b.ties = score, 0
		}
		if score == b.best {
			b.ties++
		}
	}
	return b
}

// nthBest returns the nth of the rows with the best score, from 0.
func (x *Index) nthBest(q *terms.Query, fits *fits, kept *blocks, best int64, nth int) int32 {
	shares := q.Taints.Shares(kept.most)
	for i := range kept.all {
		b := &kept.all[i]
		if b.best != best {
			continue
		}
		if nth >= int(b.ties) {
			nth -= int(b.ties)
			continue
		}
		scores, _ := x.blockScores(q, fits, shares, i)
		for j, score := range scores {
			if score != best {
				continue
			}
			if nth == 0 {
				return int32(i*blockRows + j)
			}
			nth--
		}
	}
	return -1
}
