// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"
	"math/bits"
	"slices"
)

// A pod whose nodes differ in nothing but resources, taints and images is to the index what
// the replica before it was, and few rows have changed since. So beside a shape's scores
// stands the best of every block of rows: a block without changed rows keeps its own, and
// the best of all is the best of the blocks.

const (
	// blockRows weighs the rows to look at where one has changed against the blocks to look at
	// in any case.
	blockRows = 32
	// maxKinds of pods of one shape are told apart: those that tolerate a taint, and those that do not.
	maxKinds = 2
	// maxPlainClasses and maxPlainImages bound what is kept of a pod.
	maxPlainClasses = 256
	maxPlainImages  = 16
)

// blocks are the best of each block, for pods of one shape that are of one kind: they judge taints
// alike and run the same images.
type blocks struct {
	all        []block
	verdict    []int32 // of each class of taints, as in query
	images     []int64 // IDs
	imageCount int
	used       int   // nodes, of which images score by how many have them
	classified int   // of the table
	most       int32 // disliked taints of a feasible row
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

// infeasible in place of a score is less than any.
const infeasible = int64(math.MinInt64)

// plain says whether resources, taints and images are all that tells nodes apart for the pod.
func (q *query) plain() bool {
	return q.allowed == nil && q.prefer == nil && len(q.apart.topologies) == 0 && !q.constrained() && len(q.soft) == 0 && len(q.pods.points) == 0 && !q.compares() &&
		len(q.verdict) <= maxPlainClasses && len(q.images) <= maxPlainImages
}

// lead is pass for a plain query.
func (x *Index) lead(q *query, p *policy, fits *fits) found {
	kept := fits.kindOf(q, x.table.Used)
	if kept.classified != x.table.Classified {
		kept.classified = x.table.Classified
		kept.change()
	}

	// 1. Changed blocks anew, and all where they change what a disliked taint scores: upstream
	// brings counts of them to 0–100 by the greatest.
	x.scoreStale(q, p, fits)
	led, most := x.sumBlocks(q, p, fits, kept)
	if most != kept.most {
		kept.most = most
		kept.change()
		led, _ = x.sumBlocks(q, p, fits, kept)
	}

	// 2. Any one of the best.
	switch led.feasible {
	case 0:
		return found{row: -1}
	case 1:
		led.row, led.score = x.nthBest(q, p, fits, kept, led.score, 0), 0
	default:
		led.row = x.nthBest(q, p, fits, kept, led.score, x.random.IntN(led.ties))
	}
	return led
}

// kindOf returns the blocks of pods like this one, all of them to be found anew where there are none.
func (f *fits) kindOf(q *query, used int) *blocks {
	for i := range f.kinds {
		if f.kinds[i].of(q, used) {
			f.kind = i
			return &f.kinds[i]
		}
	}
	// Of two kinds that take turns with a third one, the last one is kept.
	f.kind = (f.kind + 1) % maxKinds
	kept := &f.kinds[f.kind]
	kept.grow(len(f.scores))
	kept.change()
	kept.verdict, kept.images = append(kept.verdict[:0], q.verdict...), kept.images[:0]
	for _, image := range q.images {
		kept.images = append(kept.images, image.ID)
	}
	kept.imageCount, kept.used = q.imageCount, used
	return kept
}

// of says whether the blocks are of pods like this one, on so many nodes.
func (b *blocks) of(q *query, used int) bool {
	if b.all == nil || len(b.images) != len(q.images) || len(q.images) > 0 && (b.imageCount != q.imageCount || b.used != used) {
		return false
	}
	for i, image := range q.images {
		if b.images[i] != image.ID {
			return false
		}
	}
	return slices.Equal(b.verdict, q.verdict)
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
func (x *Index) scoreStale(q *query, p *policy, fits *fits) {
	stale := x.stale[:0]
	for at, word := range fits.stale {
		for ; word != 0; word &= word - 1 {
			stale = append(stale, int32(at*64+bits.TrailingZeros64(word)))
		}
	}
	x.stale = stale
	if len(stale) > 0 {
		fits.score(x, q, p, stale)
	}
}

// sumBlocks finds changed blocks anew, and of all the best score, how many rows have it and how many are feasible, and the most
// disliked taints of a feasible row.
func (x *Index) sumBlocks(q *query, p *policy, fits *fits, kept *blocks) (found, int32) {
	x.shareTaints(p, kept.most)
	kept.setWorth(q, x.shares)
	led, most := found{score: infeasible}, int32(0)
	for i := range kept.all {
		b := &kept.all[i]
		if b.changed {
			if len(kept.worth) > 0 {
				*b = x.sumPlainBlock(q, fits, kept.worth, i)
			} else {
				*b = x.sumBlock(q, p, fits, i)
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
func (b *blocks) setWorth(q *query, shares []int64) {
	b.worth = b.worth[:0]
	if q.pressure != nil || len(q.images) > 0 || len(q.verdict) > wordClasses {
		return
	}
	for _, count := range q.verdict {
		worth := int64(math.MinInt64 / 2)
		if count != refused {
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
func (x *Index) sumPlainBlock(q *query, fits *fits, worth []int64, i int) block {
	first, end := i*blockRows, min((i+1)*blockRows, len(fits.scores))
	scores := fits.scores[first:end]
	classes := x.table.Classes[first:end][:len(scores)]
	best, ties, infeasibles, seen := int64(0), 0, int64(0), uint64(0)
	for j, score := range scores {
		class := classes[j]
		total := (int64(score) + worth[class]) | int64(score)>>63 // noFit is negative
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
		b.best = infeasible
	}
	for ; seen != 0; seen &= seen - 1 {
		b.most = max(b.most, q.verdict[bits.TrailingZeros64(seen)])
	}
	return b
}

// blockScores are the weighted scores of the rows of a block, infeasible where they are.
func (x *Index) blockScores(q *query, p *policy, fits *fits, i int, scores *[blockRows]int64) (n int, most int32) {
	first, end := i*blockRows, min((i+1)*blockRows, len(fits.scores))
	classes, pressed := x.table.Classes[first:end], fits.pressed[first:end]
	verdict, shares, pressure := q.verdict, x.shares, q.pressure != nil
	for j, score := range fits.scores[first:end] {
		count := verdict[classes[j]]
		if count == refused || score == noFit {
			scores[j] = infeasible
			continue
		}
		if pressure {
			count += int32(pressed[j])
		}
		most = max(most, count)
		// A count over the most that is known has all blocks found anew afterwards.
		scores[j] = int64(score) + shares[min(int(count), len(shares)-1)]
	}
	n = end - first
	if len(q.images) > 0 {
		for j, score := range scores[:n] {
			if score != infeasible {
				scores[j] += x.imageScore(q, p, int32(first+j))
			}
		}
	}
	return n, most
}

// sumBlock finds the best of a block.
func (x *Index) sumBlock(q *query, p *policy, fits *fits, i int) block {
	var scores [blockRows]int64
	b := block{best: infeasible}
	var n int
	n, b.most = x.blockScores(q, p, fits, i, &scores)
	for _, score := range scores[:n] {
		if score == infeasible {
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
func (x *Index) nthBest(q *query, p *policy, fits *fits, kept *blocks, best int64, nth int) int32 {
	for i := range kept.all {
		b := &kept.all[i]
		if b.best != best {
			continue
		}
		if nth >= int(b.ties) {
			nth -= int(b.ties)
			continue
		}
		var scores [blockRows]int64
		n, _ := x.blockScores(q, p, fits, i, &scores)
		for j, score := range scores[:n] {
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
