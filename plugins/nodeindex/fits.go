// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// What a row scores for resources depends on the row and on few numbers of the pod, and most
// pods are replicas of others. So the scores are kept by these numbers, and of a row that has
// not changed since it was last scored nothing but the score is read.

const (
	// maxFitBytes bounds what is kept.
	maxFitBytes = 64 << 20
	// fitBits are kept for each row: a score, a count, whether the score is unknown, and a share of a block of each kind.
	// shapeBytes are kept for each shape besides.
	fitBits, shapeBytes = 32 + 8 + 1 + maxKinds*8*16/blockRows, 2 << 10

	// noFit in place of a score: the pod does not fit.
	noFit = int32(-1)
)

// shape is what of a pod, and of what is predicted for it, tells its score for resources.
type shape struct {
	policy                                *policy
	cpu, mem, eph, nonZeroCPU, nonZeroMem int64
	peak, pressure                        outlook
	judges                                judges
}

// outlook is the zero value where nothing is predicted. All of one time are of one snapshot.
type outlook struct {
	bounds  *predict.NodeBounds
	pod     predict.PodForecast
	horizon predict.Horizon
	counts  predict.Set

	filters, overcommits bool
}

func outlookOf(p *predict.Prediction) outlook {
	if p == nil {
		return outlook{}
	}
	return outlook{p.Bounds, p.View.Pod, p.View.Horizon, p.Counts, p.Filters, p.Overcommits}
}

// fits are a shape's scores by row: weighted for resources, and how many taints predicted
// pressure counts as.
type fits struct {
	scores  []int32
	pressed []int8
	clock   int // of the table
	// stale holds a bit for each row: not yet scored, or changed since.
	stale []uint64
	kinds [maxKinds]blocks
	kind  int // the last one
	// raw scores of the plugins that are asked, where what they are worth depends on other rows.
	raw   [maxJudges][]int64
	until time.Time // when scores no longer hold, if ever
}

// fitsOf returns the scores of the pod's shape, those of changed rows stale.
func (x *Index) fitsOf(q *query, p *policy) *fits {
	x.enterWorld(q, p)
	rows := len(x.table.Rows)
	x.boundFits(p, rows)
	key := shape{p, q.cpu, q.mem, q.eph, q.nonZeroCPU, q.nonZeroMem, outlookOf(q.peak), outlookOf(q.pressure), q.shapes()}
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
	if !known || f.expired(q) {
		f.forget()
		changed = nil
	}
	f.grow(rows)
	for _, row := range changed {
		f.stale[row/64] |= 1 << (row % 64)
	}
	if len(f.pressed) < rows {
		f.pressed = append(make([]int8, 0, rows+rows/16), f.pressed...)[:rows]
	}
	f.clock = x.table.Clock()
	return f
}

// enterWorld forgets the scores of another one. A plugin without anything to say of the pod is in none.
func (x *Index) enterWorld(q *query, p *policy) {
	world := x.worlds[p]
	if world == nil {
		world = &judges{}
		x.worlds[p] = world
	}
	enter := func(at int, now any) {
		if world[at] == now {
			return
		}
		world[at] = now
		for key, f := range x.fits {
			if key.policy == p {
				x.spareFit(f)
				delete(x.fits, key)
			}
		}
	}
	for i := range q.judges {
		enter(q.judges[i].at, q.judges[i].World())
	}
	enter(maxJudges, q.snapshot())
}

// maxFits of so many rows are kept.
func (x *Index) maxFits(p *policy, rows int) int {
	if x.most > 0 {
		return x.most
	}
	return max(16, maxFitBytes/((fitBits+64*len(p.judged))*rows/8+shapeBytes))
}

// boundFits lets go of what is too much since there are more rows, spare ones first.
func (x *Index) boundFits(p *policy, rows int) {
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

// forget makes every score stale.
func (f *fits) forget() {
	f.scores, f.until = f.scores[:0], time.Time{}
	clear(f.stale)
	for i := range f.kinds {
		f.kinds[i].change()
	}
}

// grow makes room for so many rows, the new ones stale.
func (f *fits) grow(rows int) {
	if len(f.scores) >= rows {
		return
	}
	if words := (rows + 63) / 64; len(f.stale) < words {
		f.stale = append(make([]uint64, 0, words+words/16), f.stale...)[:words] // append alone would double it
	}
	if cap(f.scores) < rows {
		f.scores = append(make([]int32, 0, rows+rows/16), f.scores...)
	}
	for row := len(f.scores); row < rows; row++ {
		f.scores = append(f.scores, noFit)
		f.stale[row/64] |= 1 << (row % 64)
	}
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

// forgetAnyFit makes room for one. Where shapes come in turns the oldest one would be needed
// next.
func (x *Index) forgetAnyFit() {
	for key, f := range x.fits {
		x.spareFit(f)
		delete(x.fits, key)
		return
	}
}

func (x *Index) spareFit(f *fits) {
	f.clock, f.until = -1, time.Time{}
	x.spare = append(x.spare, f)
}

// score judges stale rows anew, and tells the blocks what has changed.
func (f *fits) score(x *Index, q *query, p *policy, rows []int32) {
	few := 2*len(rows) < len(f.scores)
	before := x.before[:0]
	if few {
		for _, row := range rows {
			before = append(before, f.scores[row])
		}
	}
	x.before = before
	s := q.snapshot()
	if s == nil {
		f.requestedFits(q, p, x.table.Rows, rows)
	} else {
		f.predictedFits(x, q, p, s, rows)
	}
	if len(q.judges) > 0 {
		f.judge(x, q, rows)
	}
	for _, row := range rows {
		f.stale[row/64] &^= 1 << (row % 64)
	}
	for k := range f.kinds {
		if few {
			f.kinds[k].update(rows, x.table.Classes, before, f.scores)
		} else {
			f.kinds[k].change()
		}
	}
}

func (f *fits) predictedFits(x *Index, q *query, p *policy, s *predict.Snapshot, rows []int32) {
	for _, row := range rows {
		f.scores[row] = noFit
		r := &x.table.Rows[row]
		if !fitsIn(q, r) {
			continue
		}
		x.futureOf(row, s)
		if q.pressure != nil {
			f.pressed[row] = x.pressureOn(q, row)
			if f.pressed[row] > 0 && q.pressure.Filters {
				continue // and what is not refused has none that could be scored
			}
		}
		if q.peak != nil && q.peak.Filters && x.peakRefuses(q, row) {
			continue
		}
		var score int64
		if q.peak != nil {
			score = x.predictedFit(q, p, row)
		} else {
			score = p.requestedFit(q, r)
		}
		f.scores[row] = int32(score) // maxWeight keeps it below
	}
}

// fitsIn is the filter for resources, but for scalars.
func fitsIn(q *query, r *table.Row) bool {
	return r.Room > 0 && (q.cpu <= 0 || q.cpu <= r.AllocCPU-r.ReqCPU) && (q.mem <= 0 || q.mem <= r.AllocMem-r.ReqMem) &&
		(q.eph <= 0 || q.eph <= r.AllocEph-r.ReqEph)
}

// mixed is ResourceFit's score of the strategy's and of balancing.
func (p *policy) mixed(sum, balance int64) int64 {
	return (sum + p.ownBalanced*balance) / (1 + p.ownBalanced)
}
