// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// The verdicts of keepers, such as the term of resources, depend on the row and on a few numbers of
// the pod, and most pods are replicas of others. So scores are kept by these numbers. Of a row that
// has not changed since it was last scored, only the score is read.

const (
	// maxFitBytes is the limit of the memory for kept scores.
	maxFitBytes = 64 << 20
	// fitBits is the size of what is kept for each row besides what keepers keep: a score, whether
	// it is unknown, and a share of a block of each kind. shapeBytes is the size of what is kept
	// for each shape besides.
	fitBits, shapeBytes = 32 + 1 + maxKinds*8*16/blockRows, 2 << 10
)

// shape is that of a pod of one profile.
type shape struct {
	terms *terms.Terms
	terms.Shape
}

// fits are the scores of a shape, by row.
type fits struct {
	terms.Kept
	clock int // of the table
	// stale holds a bit for each row that is not yet scored or has changed since.
	stale table.Bits
	kinds [maxKinds]blocks
	kind  int // the last one
}

// fitsOf returns the scores of the pod's shape, with those of changed rows marked stale.
func (x *Index) fitsOf(q *terms.Query, p *terms.Terms) *fits {
	x.enterWorld(q, p)
	rows := len(x.table.Rows)
	x.boundFits(p, rows)
	key := shape{p, q.Shape}
	f, ok := x.fits[key]
	if !ok {
		if len(x.fits) >= x.maxFits(p, rows) {
			x.forgetAnyFit()
		}
		f = &fits{clock: -1}
		if n := len(x.spare); n > 0 {
			f, x.spare = x.spare[n-1], x.spare[:n-1]
		}
		x.fits[key] = f
	}
	changed, known := x.table.ChangedSince(f.clock)
	if !known || q.Expired(&f.Kept) {
		f.forget()
		changed = nil
	}
	f.grow(rows)
	for _, row := range changed {
		f.stale.Set(row)
	}
	if len(f.Pressed) < rows {
		f.Pressed = append(make([]int8, 0, rows+rows/16), f.Pressed...)[:rows]
	}
	f.clock = x.table.Clock()
	q.Kept = &f.Kept
	return f
}

// enterWorld drops the scores of other worlds.
func (x *Index) enterWorld(q *terms.Query, p *terms.Terms) {
	world := x.worlds[p]
	if world == nil {
		world = &terms.World{}
		x.worlds[p] = world
	}
	if !world.Enter(&q.World) {
		return
	}
	for key, f := range x.fits {
		if key.terms == p {
			x.spareFit(f)
			delete(x.fits, key)
		}
	}
}

// maxFits returns the number of shapes whose scores are kept, given the number of rows.
func (x *Index) maxFits(p *terms.Terms, rows int) int {
	if x.most > 0 {
		return x.most
	}
	return max(16, maxFitBytes/((fitBits+p.KeptBits())*rows/8+shapeBytes))
}

// boundFits frees what exceeds the limit after rows were added, spare scores first.
func (x *Index) boundFits(p *terms.Terms, rows int) {
	if rows <= x.fitRows {
		return
	}
	x.fitRows = rows
	most := x.maxFits(p, rows)
	for len(x.fits) > most {
		x.forgetAnyFit()
	}
	if left := most - len(x.fits); len(x.spare) > left {
		clear(x.spare[left:])
		x.spare = x.spare[:left]
	}
}

// forget marks every score stale.
func (f *fits) forget() {
	f.Kept.Forget()
	clear(f.stale)
	for i := range f.kinds {
		f.kinds[i].change()
	}
}

// grow makes room for that many rows, with the new ones stale.
func (f *fits) grow(rows int) {
	if len(f.Scores) >= rows {
		return
	}
	f.stale = f.stale.Grow(rows)
	if cap(f.Scores) < rows {
		f.Scores = append(make([]int32, 0, rows+rows/16), f.Scores...)
	}
	first := len(f.Scores)
	f.Scores = f.Scores[:rows]
	for row := range f.Scores[first:] {
		f.Scores[first+row] = terms.NoFit
	}
	f.stale.SetRange(first, rows)
	for i := range f.kinds {
		if f.kinds[i].all != nil {
			f.kinds[i].grow(rows)
		}
	}
}

func (x *Index) forgetFits() {
	for _, f := range x.fits {
		x.spareFit(f)
	}
	clear(x.fits)
}

// forgetAnyFit makes room for one shape by dropping any. Not the oldest: if shapes take turns, that
// one is needed next.
func (x *Index) forgetAnyFit() {
	for key, f := range x.fits {
		x.spareFit(f)
		delete(x.fits, key)
		return
	}
}

func (x *Index) spareFit(f *fits) {
	f.clock = -1
	f.Kept.Forget()
	x.spare = append(x.spare, f)
}

// score has stale rows judged anew and tells the blocks what has changed.
func (f *fits) score(x *Index, q *terms.Query, rows []int32) {
	few := 2*len(rows) < len(f.Scores)
	before := x.before[:0]
	if few {
		for _, row := range rows {
			before = append(before, f.Scores[row])
		}
	}
	x.before = before
	q.Judge(rows)
	if len(rows) == len(f.Scores) {
		clear(f.stale)
	} else {
		for _, row := range rows {
			f.stale.Clear(row)
		}
	}
	for k := range f.kinds {
		if few {
			f.kinds[k].update(rows, x.table.Classes, before, f.Scores)
		} else {
			f.kinds[k].change()
		}
	}
}
