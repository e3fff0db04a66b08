// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"
	"math/bits"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// A pod whose nodes differ in nothing but what is kept for its shape, taints and images is to the index what
// the replica before it was, and few rows have changed since. So beside a shape's scores
// stands the best of every block of rows: a block without changed rows keeps its own, and
// the best of all is the best of the blocks.

const (
	// blockRows weighs the rows to look at where one has changed against the blocks to look at
	// in any case.
	blockRows = 32
	// maxKinds of pods of one shape are told apart: those that tolerate a taint, and those that do not.
	maxKinds = 2
)

// blocks are the best of each block, for pods of one shape that are of one kind: they judge taints
// alike, and other terms score rows alike for them, as for the same images.
type blocks struct {
	all        []block
	verdict    []int32 // of each class of taints, as in terms.Taints
	kind       []int64 // by which other terms score
	classified int     // of the table
	most       int32   // disliked taints of a feasible row
	// worth is what each class of taints adds to a row's score, so that a refused class makes it negative; none where more
	// than that counts.
	worth []int64
}

type block struct {
	best           int64 // the weighted score
	most           int32 // disliked taints of a feasible row
	ties, feasible uint8 // rows that score best, and all
	changed        bool  // since the rest was found
}

// lead is pass for a plain query.
func (x *Index) lead(q *terms.Query, fits *fits) found {
	kept := fits.kindOf(q)
	if kept.classified != x.table.Classified {
		kept.classified = x.table.Classified
		kept.change()
	}

	// 1. Changed blocks anew, and all where they change what a disliked taint scores: upstream
	// brings counts of them to 0–100 by the greatest.
	x.scoreStale(q, fits)
	led, most := x.sumBlocks(q, fits, kept)
	if most != kept.most {
		kept.most = most
		kept.change()
		led, _ = x.sumBlocks(q, fits, kept)
	}

	// 2. Any one of the best.
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

// kindOf returns the blocks of pods like this one, all of them to be found anew where there are none.
func (f *fits) kindOf(q *terms.Query) *blocks {
	for i := range f.kinds {
		if f.kinds[i].of(q) {
			f.kind = i
			return &f.kinds[i]
		}
	}
	// Of two kinds that take turns with a third one, the last one is kept.
	f.kind = (f.kind + 1) % maxKinds
	kept := &f.kinds[f.kind]
	kept.grow(len(f.Scores))
	kept.change()
	kept.verdict, kept.kind = append(kept.verdict[:0], q.Taints.Verdict...), append(kept.kind[:0], q.Kind()...)
	return kept
}

// of says whether the blocks are of pods like this one.
func (b *blocks) of(q *terms.Query) bool {
	return b.all != nil && slices.Equal(b.kind, q.Kind()) && slices.Equal(b.verdict, q.Taints.Verdict)
}

// change has all blocks found anew.
func (b *blocks) change() {
	for i := range b.all {
		b.all[i].changed = true
	}
}

// grow makes blocks for so many rows.
func (b *blocks) grow(rows int) {
	for len(b.all)*blockRows < rows {
		b.all = append(b.all, block{changed: true})
	}
}

// scoreStale scores the rows whose score is stale.
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

// sumBlocks finds changed blocks anew, and of all the best score, how many rows have it and how many are feasible, and the most
// disliked taints of a feasible row.
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

// classes of taints that one word tells apart.
const wordClasses = 64

// setWorth takes what each count of disliked taints scores.
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

// update tells the blocks of the rows what these scored before, and what they score now.
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

// sumPlainBlock is sumBlock by a sum for each row. Whether a row is feasible is a sign and no branch, since the CPU would guess
// wrong at every tenth row.
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

// blockScores returns the weighted scores of the rows of a block, infeasible where they are, until the next call, and the most
// disliked taints of a feasible one.
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
		// A count over the most that is known has all blocks found anew afterwards.
		scores[j] = int64(score) + shares[min(int(count), len(shares)-1)]
	}
	if q.ScoresRows() {
		q.ScoreRows(int32(first), scores)
	}
	return scores, most
}

// sumBlock finds the best of a block.
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

// nthBest returns the nth of the rows that score best.
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
