// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"
	"slices"
)

// A pod whose nodes differ in nothing but resources, taints and images is to the index what
// the replica before it was, and few rows have changed since. So beside a shape's scores
// stands the best of every block of rows: a block without changed rows keeps its own, and
// the best of all is the best of the blocks.

const (
	// blockRows weighs the rows to look at where one has changed against the blocks to look at
	// in any case.
	blockRows = 64
	// maxPlainClasses and maxPlainImages bound what is kept of a pod.
	maxPlainClasses = 256
	maxPlainImages  = 16
)

// blocks are the best of each block, for pods of one shape that judge taints alike and run the
// same images.
type blocks struct {
	all        []block
	verdict    []int32 // of each class of taints, as in query
	images     []int64 // IDs
	imageCount int
	used       int   // nodes, of which images score by how many have them
	most       int32 // disliked taints of a feasible row
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
	kept := &fits.blocks
	if !kept.of(q, x.table.Used) {
		kept.change()
		kept.verdict, kept.images = append(kept.verdict[:0], q.verdict...), kept.images[:0]
		for _, image := range q.images {
			kept.images = append(kept.images, image.ID)
		}
		kept.imageCount, kept.used = q.imageCount, x.table.Used
	}

	// 1. Changed blocks anew, and all where they change what a disliked taint scores: upstream
	// brings counts of them to 0–100 by the greatest.
	x.scoreChanged(q, p, fits)
	x.shareTaints(p, kept.most)
	for i := range kept.all {
		if kept.all[i].changed {
			x.sumBlock(q, p, fits, i)
		}
	}
	most, feasible := int32(0), 0
	for i := range kept.all {
		most = max(most, kept.all[i].most)
		feasible += int(kept.all[i].feasible)
	}
	if most != kept.most {
		kept.most = most
		x.shareTaints(p, most)
		for i := range kept.all {
			x.sumBlock(q, p, fits, i)
		}
	}
	if feasible == 0 {
		return found{row: -1}
	}

	// 2. The best of the blocks, and any one of equals.
	best, ties := infeasible, 0
	for i := range kept.all {
		b := &kept.all[i]
		if b.best > best {
			best, ties = b.best, 0
		}
		if b.best == best {
			ties += int(b.ties)
		}
	}
	led := found{row: x.nthBest(q, p, fits, best, x.random.IntN(ties)), score: best, feasible: feasible, ties: ties}
	if feasible == 1 {
		led.score = 0
	}
	return led
}

// of says whether the blocks are of pods like this one, on so many nodes.
func (b *blocks) of(q *query, used int) bool {
	if len(b.images) != len(q.images) || len(q.images) > 0 && (b.imageCount != q.imageCount || b.used != used) {
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

// scoreChanged scores the rows of changed blocks whose score is unknown.
func (x *Index) scoreChanged(q *query, p *policy, fits *fits) {
	classes, scores, verdict := x.table.Classes, fits.scores, q.verdict
	stale := x.stale[:0]
	for i := range fits.blocks.all {
		if !fits.blocks.all[i].changed {
			continue
		}
		for row := i * blockRows; row < min((i+1)*blockRows, len(scores)); row++ {
			if scores[row] == unknown && verdict[classes[row]] != refused {
				stale = append(stale, int32(row))
			}
		}
	}
	x.stale = stale
	if len(stale) > 0 {
		fits.score(x, q, p, stale)
	}
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

func (x *Index) sumBlock(q *query, p *policy, fits *fits, i int) {
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
	fits.blocks.all[i] = b
}

// nthBest returns the nth of the rows that score best.
func (x *Index) nthBest(q *query, p *policy, fits *fits, best int64, nth int) int32 {
	for i := range fits.blocks.all {
		b := &fits.blocks.all[i]
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
