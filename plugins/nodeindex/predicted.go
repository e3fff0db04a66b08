// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// Where ResourceFit and Taints keep what they predict in the cycle state. That the index
// reads it there, and not from the engine, has them judge by one snapshot.
const (
	resourceFitState = "PreFilterPeak" + resourceFitName
	taintsState      = "PreFilter" + taintsName
)

// compilePredictions takes what ResourceFit and Taints predict in this cycle.
func (x *Index) compilePredictions(q *query, p *policy, state fwk.CycleState) {
	q.state, q.peak, q.pressure = state, nil, nil
	if p.runs(resourceFitName) && !p.asksFit {
		q.peak = predict.PredictionIn(state, resourceFitState)
	}
	if p.runs(taintsName) {
		q.pressure = predict.PredictionIn(state, taintsState)
	}
	if q.peak != nil && q.pressure != nil && q.peak.View.Snapshot != q.pressure.View.Snapshot {
		q.cannotSay(reasonSnapshot) // A new one came between the two: the next pod has one.
	}
	if q.peak != nil {
		upper := q.peak.View.Pod.Upper(q.peak.View.Horizon)
		q.peakCPU, q.peakMem = predict.Integers(upper)
	}
}

// future of a row: what the forecasts of its pods add up to, and its own.
type future struct {
	known            bool // the rest is of a node
	generation       int64
	epoch, podsEpoch uint64
	load             predict.NodeLoad
	use              predict.NodeUse
	node             predict.NodeForecast
}

// futureOf brings the row's future up to date and returns it.
func (x *Index) futureOf(row int32, s *predict.Snapshot) *future {
	for len(x.futures) < len(x.table.Rows) {
		x.futures = append(x.futures, future{})
	}
	f := &x.futures[row]
	info := x.table.Infos[row]
	// A row that went to another node has another generation too.
	changed := !f.known || f.generation != info.GetGeneration()
	if changed || f.podsEpoch != s.PodsEpoch() {
		f.load, f.use = predict.NodeLoad{}, predict.NodeUse{}
		allocatable := predict.AllocatableOf(info)
		for _, p := range info.GetPods() {
			forecast := s.Resident(p, allocatable)
			f.load.Add(&forecast)
			f.use.Add(&forecast)
		}
		f.podsEpoch = s.PodsEpoch()
	}
	if changed || f.epoch != s.Epoch() {
		f.node, f.epoch = s.NodeForecast(info.Node().Name), s.Epoch()
	}
	f.known, f.generation = true, info.GetGeneration()
	return f
}

// snapshot that this cycle predicts by, or nil.
func (q *query) snapshot() *predict.Snapshot {
	switch {
	case q.peak != nil:
		return q.peak.View.Snapshot
	case q.pressure != nil:
		return q.pressure.View.Snapshot
	}
	return nil
}

// usage is what a row uses as ResourceFit has upstream's scorers see it: in milli-CPUs and
// bytes, without and with the pod.
type usage struct {
	cpu, mem               int64 // with the pod, as the strategy counts
	reqCPU, reqMem         int64 // with the pod, as balancing counts
	withoutCPU, withoutMem int64 // as balancing counts
}

// usageOf returns the row's predicted use, or false where the row scores nothing, because
// it is predicted to pass a bound.
func (x *Index) usageOf(q *query, row int32) (u usage, scores bool) {
	r := &x.table.Rows[row]
	f := &x.futures[row]
	bounds := q.peak.Bounds.Of(q.state, x.table.Infos[row])
	if bounds.Off || f.node.Rung == predict.Blind {
		u = usage{cpu: r.NonZeroCPU + q.nonZeroCPU, mem: r.NonZeroMem + q.nonZeroMem, reqCPU: r.ReqCPU + q.cpu, reqMem: r.ReqMem + q.mem}
	} else {
		upper := predict.Upper(q.peak.View.PeaksOf(&f.load, &f.node))
		if !q.peak.Overcommits {
			bounds = bounds.Without(f.node.Lacks)
		}
		if bounds.Over(upper, allocatable(r)).Any() {
			return u, false
		}
		cpu, mem := predict.Integers(upper)
		u = usage{cpu: cpu, mem: mem, reqCPU: cpu, reqMem: mem}
	}
	// The pod counts in full in any case, as there.
	u.cpu, u.mem = max(u.cpu, q.peakCPU), max(u.mem, q.peakMem)
	u.reqCPU, u.reqMem = max(u.reqCPU, q.peakCPU), max(u.reqMem, q.peakMem)
	u.withoutCPU, u.withoutMem = u.reqCPU-q.peakCPU, u.reqMem-q.peakMem
	return u, true
}

// allocatable of a row, as predict.AllocatableOf.
func allocatable(r *table.Row) predict.Amounts {
	return predict.Amounts{predict.CPU: float64(r.AllocCPU) / 1000, predict.Memory: float64(r.AllocMem)}
}

// predictedFit is requestedFit by what the node is predicted to use.
func (x *Index) predictedFit(q *query, p *policy, row int32) int64 {
	if q.peak.Harm {
		return x.harmFit(q, p, row)
	}
	u, scores := x.usageOf(q, row)
	if !scores {
		return 0
	}
	r := &x.table.Rows[row]
	sum := p.allocation(r, u.cpu, u.mem)
	var balance int64
	if p.balances && (q.peakCPU != 0 || q.peakMem != 0) {
		balance = balanceScore(table.Balance(u.reqCPU, r.AllocCPU, u.reqMem, r.AllocMem),
			table.Balance(u.withoutCPU, r.AllocCPU, u.withoutMem, r.AllocMem))
	}
	return p.own * p.mixed(sum, balance)
}

// peakRefuses says whether ResourceFit's filter refuses the row for its predicted peak.
func (x *Index) peakRefuses(q *query, row int32) bool {
	f := &x.futures[row]
	bounds := q.peak.Bounds.Of(q.state, x.table.Infos[row])
	if bounds.Off || f.node.Rung == predict.Blind && !q.peak.Overcommits {
		return false
	}
	peaks := q.peak.View.PeaksOf(&f.load, &f.node)
	use := predict.Lower(peaks)
	if q.peak.Overcommits {
		use = predict.Upper(peaks)
	} else {
		bounds = bounds.Without(f.node.Lacks)
	}
	return bounds.Over(use, allocatable(&x.table.Rows[row])).Any()
}

// harmFit is requestedFit by what the node will suffer, where that is known.
func (x *Index) harmFit(q *query, p *policy, row int32) int64 {
	r := &x.table.Rows[row]
	f := &x.futures[row]
	bounds := q.peak.Bounds.Of(q.state, x.table.Infos[row])
	if bounds.Off || f.node.Rung == predict.Blind {
		return p.requestedFit(q, r)
	}
	return p.own * int64(q.peak.View.ScoreOf(&f.use, &f.node, &bounds, allocatable(r)))
}

// pressureOn returns how many taints the row has for predicted pressure.
func (x *Index) pressureOn(q *query, row int32) (count int8) {
	f := &x.futures[row]
	bounds := q.pressure.Bounds.Of(q.state, x.table.Infos[row])
	if bounds.Off || f.node.Rung == predict.Blind {
		return 0
	}
	use := q.pressure.View.ExpectedOf(&f.use, &f.node)
	if q.pressure.Filters { // what refuses must be sure
		use = predict.Lower(q.pressure.View.PeaksOf(&f.load, &f.node))
	}
	bounds = bounds.Without(f.node.Lacks)
	for r, over := range bounds.Over(use, allocatable(&x.table.Rows[row])) {
		if over && q.pressure.Counts[r] {
			count++
		}
	}
	return count
}
