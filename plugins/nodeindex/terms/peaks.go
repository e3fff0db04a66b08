// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// peaks is the term of ResourceFit's predictions. They refuse rows, and score them instead of
// requests.
type peaks struct {
	resources *resources

	predicted *cycle.Prediction // of the cycle
	cpu, mem  int64             // predicted peak of the pod, in milli-CPUs and bytes
}

func (t *peaks) read(p *profile) bool { return p.runs(config.ResourceFitName) && !t.resources.asked }

// compile reads the prediction from the cycle's state, not from the engine, so that index and
// plugins judge by the same one.
func (t *peaks) compile(q *Query) {
	if t.predicted = cycle.PredictionIn(q.State, cycle.PeaksState); t.predicted == nil {
		return
	}
	t.cpu, t.mem = forecast.Integers(t.predicted.View.Pod.Upper(t.predicted.View.Horizon))
	t.resources.predicted = true
	q.Shape.peak = outlookOf(t.predicted)
	q.predictsBy(t.predicted.View.Snapshot)
	q.keeps(t)
}

func (t *peaks) judge(q *Query, rows []int32) {
	scores := q.Kept.Scores
	// There are two loops: the first fetches, for many rows at a time, what the second computes
	// with.
	for _, row := range rows {
		if scores[row] != NoFit {
			q.futureOf(row, t.predicted.View.Snapshot)
		}
	}
	for _, row := range rows {
		if scores[row] == NoFit {
			continue
		}
		f := &q.futures[row]
		bounds := f.boundsBy(t.predicted.Bounds, q, row)
		r := &q.table.Rows[row]
		switch {
		case t.predicted.Filters && t.refuses(f, bounds, r):
			scores[row] = NoFit
		case t.predicted.Harm:
			scores[row] = int32(t.harm(f, bounds, r)) // maxWeight keeps it below
		default:
			scores[row] = int32(t.fit(f, bounds, r))
		}
	}
}

// refuses reports whether ResourceFit's filter refuses the row because of its predicted peak.
func (t *peaks) refuses(f *future, bounds cycle.Bounds, r *table.Row) bool {
	if bounds.Off || f.node.Rung == forecast.Blind && !t.predicted.Overcommits {
		return false
	}
	of := t.predicted.View.PeaksOf(&f.load, &f.node)
	use := forecast.Lower(of)
	if t.predicted.Overcommits {
		use = forecast.Upper(of)
	} else {
		bounds = bounds.Without(f.node.Lacks)
	}
	return bounds.Over(use, allocatable(r)).Any()
}

// harm returns the score by what the node will suffer. If that is not known, it is the score by
// requests.
func (t *peaks) harm(f *future, bounds cycle.Bounds, r *table.Row) int64 {
	if bounds.Off || f.node.Rung == forecast.Blind {
		return t.resources.requested(r)
	}
	return t.resources.own * int64(t.predicted.View.ScoreOf(&f.use, &f.node, &bounds, allocatable(r)))
}

// fit returns the score for resources by the node's predicted use.
func (t *peaks) fit(f *future, bounds cycle.Bounds, r *table.Row) int64 {
	u, scores := t.usageOf(f, bounds, r)
	if !scores {
		return 0
	}
	sum := t.resources.allocation(r, u.cpu, u.mem)
	var balance int64
	if t.resources.balances && (t.cpu != 0 || t.mem != 0) {
		balance = balanceScore(table.Balance(u.reqCPU, r.AllocCPU, u.reqMem, r.AllocMem),
			table.Balance(u.withoutCPU, r.AllocCPU, u.withoutMem, r.AllocMem))
	}
	return t.resources.own * t.resources.mixed(sum, balance)
}

// usage is the use of a row as ResourceFit shows it to upstream's scorers, in milli-CPUs and bytes,
// with and without the pod.
type usage struct {
	cpu, mem               int64 // with the pod, as the strategy counts
	reqCPU, reqMem         int64 // with the pod, as balancing counts
	withoutCPU, withoutMem int64 // as balancing counts
}

// usageOf returns the row's predicted use, or false if the row scores 0 because it is predicted to
// exceed a bound.
func (t *peaks) usageOf(f *future, bounds cycle.Bounds, r *table.Row) (u usage, scores bool) {
	pod := &t.resources.Requests
	if bounds.Off || f.node.Rung == forecast.Blind {
		u = usage{cpu: r.NonZeroCPU + pod.NonZeroCPU, mem: r.NonZeroMem + pod.NonZeroMem, reqCPU: r.ReqCPU + pod.CPU, reqMem: r.ReqMem + pod.Mem}
	} else {
		upper := forecast.Upper(t.predicted.View.PeaksOf(&f.load, &f.node))
		if !t.predicted.Overcommits {
			bounds = bounds.Without(f.node.Lacks)
		}
		if bounds.Over(upper, allocatable(r)).Any() {
			return u, false
		}
		cpu, mem := forecast.Integers(upper)
		u = usage{cpu: cpu, mem: mem, reqCPU: cpu, reqMem: mem}
	}
	// The pod counts in full in any case, as there.
	u.cpu, u.mem = max(u.cpu, t.cpu), max(u.mem, t.mem)
	u.reqCPU, u.reqMem = max(u.reqCPU, t.cpu), max(u.reqMem, t.mem)
	u.withoutCPU, u.withoutMem = u.reqCPU-t.cpu, u.reqMem-t.mem
	return u, true
}
