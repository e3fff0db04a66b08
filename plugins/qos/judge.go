// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

var _ judge.Plugin = &PredictedQoS{}

// judging answers the node index. Raw scores are the bits of the harm.
type judging struct {
	*podCycle
	plugin *PredictedQoS
	state  fwk.CycleState
	one    [1]fwk.NodeInfo
}

// Judge returns the judge of nodes for the pod.
func (p *PredictedQoS) Judge(state fwk.CycleState, _ *v1.Pod) (judge.Judge, bool) {
	c := cycleIn(state)
	if c == nil {
		return nil, true
	}
	return &judging{podCycle: c, plugin: p, state: state}, true
}

// World returns the frame.
func (j *judging) World() any { return j.frame }

// shape is everything about a pod and its workload's history that its harm depends on.
type shape struct {
	objective objective.Objective
	workload  outcome.Vector
	takes     outcome.Burden
	burden    float32
	own       [forecast.NumResources]forecast.Peak
	weight    float32
	offset    float32
	doubt     float32
	cores     float64
	filters   bool
}

// Shape returns the shape of the pod. Its memory counts only for the objective Availability, as in
// harmOn.
func (j *judging) Shape() any {
	own := j.own.Peaks[horizon]
	if j.objective != objective.Availability {
		own[forecast.Memory] = forecast.Peak{}
	}
	return shape{j.objective, j.workload, j.takes, j.burden, own, j.weight, j.offset, j.doubt, j.cores, j.verdict != nil}
}

// placed identifies the frame's rows, as long as places in them are valid.
type placed struct {
	frame     *frame
	forgotten int
}

// Look computes the harm on each node, and whether Filter refuses the node.
func (j *judging) Look(rows []judge.Row, verdicts []judge.Verdict) time.Time {
	r, p := &j.kept, j.plugin
	r.lock.Lock()
	defer r.lock.Unlock()
	p.places.In(placed{j.frame, r.forgotten})
	pod, next, brought := j.newcomer(), 0, false
	find := func(_ fwk.NodeInfo, at *int32) {
		*at, brought = p.bring(j.podCycle, j.state, j.nodes(rows, next)), true
	}
	// Two loops: the first fetches what the second computes with, of many rows at a time.
	for i := range rows {
		next, brought = i, false
		k := *p.places.Of(&rows[i], find)
		// If the place was known, the row may be of another generation: cycles of pod groups leave
		// rows that count only in them.
		if !brought && r.rows[k].generation != rows[i].Generation {
			p.bring(j.podCycle, j.state, j.nodes(rows, i))
		}
	}
	for i := range rows {
		next = i
		verdicts[i] = judge.Verdict{Raw: int64(math.Float32bits(j.harmOn(*p.places.Of(&rows[i], find), &pod)))}
		verdicts[i].Refused = j.verdict != nil && p.lowerRisk(j.podCycle, p.view(j.frame, j.state, rows[i].NodeInfo)) > p.maxRisk
	}
	return time.Time{}
}

// nodes returns the nodes of the rows from the first on, or only that node if the frame has a row
// of it. The caller holds the lock.
func (j *judging) nodes(rows []judge.Row, first int) []fwk.NodeInfo {
	j.one[0] = rows[first].NodeInfo
	if j.kept.at(rows[first].NodeInfo, rows[first].Generation) >= 0 {
		return j.one[:]
	}
	nodes := make([]fwk.NodeInfo, 0, len(rows)-first)
	for i := range rows[first:] {
		nodes = append(nodes, rows[first+i].NodeInfo)
	}
	return nodes
}

// Now is never called, since what Look returns holds for good.
func (j *judging) Now() time.Time { return time.Time{} }

// Relative returns true: the best node scores 100.
func (j *judging) Relative() bool { return true }

// Scores does the work of PreScore and Score.
func (j *judging) Scores(raw []int64) {
	j.best, j.asGood = notInHand, 0
	for _, bits := range raw {
		j.best = min(j.best, harmIn(bits))
	}
	for i, bits := range raw {
		harm := harmIn(bits)
		if j.good(harm) {
			j.asGood++
		}
		raw[i] = j.score(harm)
	}
}

func harmIn(bits int64) float32 { return math.Float32frombits(uint32(bits)) }
