// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// This file is what the terms peaks and pressure share: the forecasts of rows.

// future is that of a row: the sum of its pods' forecasts, and its own forecast. The part that
// every pod reads comes first.
type future struct {
	generation       int64 // of the NodeInfo, as the table has it
	epoch, podsEpoch uint64
	bounded          bool // the node states bounds of its own, valid or not
	use              forecast.NodeUse
	node             forecast.NodeForecast
	load             forecast.NodeLoad
}

// boundsBy returns the bounds of the row's node. The node object is read only if it states bounds.
func (f *future) boundsBy(b *cycle.NodeBounds, q *Query, row int32) cycle.Bounds {
	if !f.bounded {
		return b.Usual()
	}
	return b.Of(q.State, q.table.Infos[row])
}

// futureOf updates the row's future and returns it.
func (q *Query) futureOf(row int32, s *forecast.Snapshot) *future {
	if len(q.futures) < len(q.table.Rows) {
		q.futures = append(q.futures, make([]future, len(q.table.Rows)-len(q.futures))...)
	}
	f := &q.futures[row]
	info := q.table.Infos[row]
	// A row that was given to another node has another generation too.
	generation := q.table.Generation(row)
	changed := f.generation != generation || generation == 0
	if changed || f.podsEpoch != s.PodsEpoch() {
		f.load, f.use = forecast.NodeLoad{}, forecast.NodeUse{}
		allocatable := forecast.AllocatableOf(info)
		for _, p := range info.GetPods() {
			predicted := s.Resident(p, allocatable)
			f.load.Add(&predicted)
			f.use.Add(&predicted)
		}
		f.podsEpoch = s.PodsEpoch()
		f.bounded = cycle.StatesBounds(info.Node())
	}
	if changed || f.epoch != s.Epoch() {
		f.node, f.epoch = s.NodeForecast(info.Node().Name), s.Epoch()
	}
	f.generation = generation
	return f
}

// outlook is the prediction for a pod, or the zero value if there is none.
type outlook struct {
	bounds  *cycle.NodeBounds
	pod     forecast.PodForecast
	horizon forecast.Horizon
	counts  forecast.Set

	filters, overcommits bool
}

func outlookOf(p *cycle.Prediction) outlook {
	return outlook{p.Bounds, p.View.Pod, p.View.Horizon, p.Counts, p.Filters, p.Overcommits}
}

// allocatable returns that of a row, as forecast.AllocatableOf does.
func allocatable(r *table.Row) forecast.Amounts {
	return forecast.Amounts{forecast.CPU: float64(r.AllocCPU) / 1000, forecast.Memory: float64(r.AllocMem)}
}
