// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// What a row scores for resources depends on the row and on few numbers of the pod, and most
// pods are replicas of others. So the scores are kept by these numbers, and of a row that has
// not changed since it was last scored nothing but the score is read.

const (
	// maxFitBytes bounds what is kept.
	maxFitBytes = 64 << 20
	// fitBytes are kept for each row: a score, a count, and a share of a block. shapeBytes are
	// kept for each shape besides.
	fitBytes, shapeBytes = 6, 2 << 10

	// In place of a score.
	noFit   = int32(-1) // the pod does not fit
	unknown = int32(-2) // not yet scored, or changed
)

// shape is what of a pod, and of what is predicted for it, tells its score for resources.
type shape struct {
	policy                                *policy
	cpu, mem, eph, nonZeroCPU, nonZeroMem int64
	peak, pressure                        outlook
}

// outlook is the zero value where nothing is predicted. All of one time are of one snapshot.
type outlook struct {
	bounds  *predict.NodeBounds
	pod     predict.PodForecast
	horizon predict.Horizon
	counts  predict.Set
}

func outlookOf(p *predict.Prediction) outlook {
	if p == nil {
		return outlook{}
	}
	return outlook{p.Bounds, p.View.Pod, p.View.Horizon, p.Counts}
}

// fits are a shape's scores by row: weighted for resources, and how many taints predicted
// pressure counts as.
type fits struct {
	scores  []int32
	pressed []int8
	clock   int // of the table
	blocks  blocks
}

// fitsOf returns the scores of the pod's shape, those of changed rows unknown.
func (x *Index) fitsOf(q *query, p *policy) *fits {
	if s := q.snapshot(); s != x.foreseen {
		x.forgetFits()
		x.foreseen = s
	}
	rows := len(x.table.Rows)
	key := shape{p, q.cpu, q.mem, q.eph, q.nonZeroCPU, q.nonZeroMem, outlookOf(q.peak), outlookOf(q.pressure)}
	f, ok := x.fits[key]
	if !ok {
		if len(x.fits) >= max(16, maxFitBytes/(fitBytes*rows+shapeBytes)) {
			x.forgetAnyFit()
		}
		f = &fits{clock: -1}
		if n := len(x.spare); n > 0 {
			f, x.spare = x.spare[n-1], x.spare[:n-1]
		}
		x.fits[key] = f
	}
	changed, known := x.table.ChangedSince(f.clock)
	if !known {
		f.scores = f.scores[:0]
	}
	for _, row := range changed {
		f.change(row)
	}
	for row := len(f.scores); row < rows; row++ {
		f.scores = append(f.scores, unknown)
		f.change(int32(row))
	}
	f.blocks.grow(rows)
	if len(f.pressed) < rows {
		f.pressed = append(f.pressed, make([]int8, rows-len(f.pressed))...)
	}
	f.clock = x.table.Clock()
	return f
}

// change makes the row's score unknown.
func (f *fits) change(row int32) {
	if int(row) < len(f.scores) {
		f.scores[row] = unknown
	}
	if at := int(row / blockRows); at < len(f.blocks.all) {
		f.blocks.all[at].changed = true
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
	f.clock = -1
	x.spare = append(x.spare, f)
}

// score judges rows anew.
func (f *fits) score(x *Index, q *query, p *policy, rows []int32) {
	s := q.snapshot()
	if s == nil {
		f.requestedFits(q, p, x.table.Rows, rows)
		return
	}
	for _, row := range rows {
		f.scores[row] = noFit
		r := &x.table.Rows[row]
		if !fitsIn(q, r) {
			continue
		}
		x.futureOf(row, s)
		if q.pressure != nil {
			f.pressed[row] = x.pressureOn(q, row)
		}
		score := int64(0)
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
	if p.ownBalanced == 1 {
		return (sum + balance) >> 1 // never negative
	}
	return (sum + p.ownBalanced*balance) / (1 + p.ownBalanced)
}
