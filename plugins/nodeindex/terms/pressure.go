// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// pressure is the term of predicted pressure, which Taints counts as taints: a row with it is
// refused or disliked (see Taints).
type pressure struct {
	predicted *cycle.Prediction // of the cycle
	kept      keptSaid          // counts, by what of a pod they depend on
	said      *said             // for the pod in hand
}

func (t *pressure) read(p *profile) bool { return p.runs(config.TaintsName) }

// compile reads the prediction from the cycle's state, not from the engine, so that index and
// plugins judge by the same one.
func (t *pressure) compile(q *Query) {
	if t.predicted = cycle.PredictionIn(q.State, cycle.PressureState); t.predicted == nil {
		return
	}
	q.Shape.pressure, q.pressed = outlookOf(t.predicted), true
	q.predictsBy(t.predicted.View.Snapshot)
	t.said = t.kept.by(t.predicted.View.Snapshot, q.Shape.pressure, nil, q.table)
	q.keeps(t)
}

func (t *pressure) judge(q *Query, rows []int32) {
	scores, pressed := q.Kept.Scores, q.Kept.Pressed
	for _, row := range rows {
		if scores[row] == NoFit {
			continue
		}
		if t.said.stale.Has(row) {
			t.said.set(row, int64(t.on(q, row)))
		}
		pressed[row] = int8(t.said.raw[row])
		if pressed[row] > 0 && t.predicted.Filters {
			scores[row] = NoFit // and what is not refused has none that could be scored
		}
	}
}

// on returns how many taints the row's pressure counts as.
func (t *pressure) on(q *Query, row int32) (count int8) {
	f := q.futureOf(row, t.predicted.View.Snapshot)
	bounds := f.boundsBy(t.predicted.Bounds, q, row)
	if bounds.Off || f.node.Rung == forecast.Blind {
		return 0
	}
	use := t.predicted.View.ExpectedOf(&f.use, &f.node)
	if t.predicted.Filters { // what refuses must be sure
		use = forecast.Lower(t.predicted.View.PeaksOf(&f.load, &f.node))
	}
	bounds = bounds.Without(f.node.Lacks)
	for r, over := range bounds.Over(use, allocatable(&q.table.Rows[row])) {
		if over && t.predicted.Counts[r] {
			count++
		}
	}
	return count
}
