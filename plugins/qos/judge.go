// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/outcome"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

var _ judge.Plugin = &PredictedQoS{}

// judging is what the node index asks. Raw scores are the bits of the harm.
type judging struct {
	*cycle
	plugin *PredictedQoS
	state  fwk.CycleState
}

// Judge tells the node index how nodes are judged for the pod.
func (p *PredictedQoS) Judge(state fwk.CycleState, _ *v1.Pod) (judge.Judge, bool) {
	c := cycleIn(state)
	if c == nil {
		return nil, true
	}
	return &judging{c, p, state}, true
}

// World is the frame.
func (j *judging) World() any { return j.frame }

// shape is what of a pod, and of its workload's history, tells its harm.
type shape struct {
	objective objective.Objective
	workload  outcome.Vector
	own       [predict.NumResources]predict.Peak
	weight    float32
	cores     float64
	filters   bool
}

// Shape is the pod's.
func (j *judging) Shape() any {
	return shape{j.objective, j.workload, j.own.Peaks[horizon], j.weight, j.cores, j.filters}
}

// Look computes the harm on each node, and whether Filter refuses it.
func (j *judging) Look(_ []int32, nodes []fwk.NodeInfo, verdicts []judge.Verdict) time.Time {
	r := &j.kept
	r.lock.Lock()
	defer r.lock.Unlock()
	pod := j.newcomer()
	for i, n := range nodes {
		k := j.plugin.bring(j.cycle, j.state, nodes[i:])
		verdicts[i] = judge.Verdict{Raw: int64(math.Float32bits(j.harmOn(&r.rows[k], &r.rest[k], &pod)))}
		verdicts[i].Refused = j.filters && j.plugin.lowerRisk(j.cycle, j.plugin.view(j.cycle, j.state, n)) > j.plugin.maxRisk
	}
	return time.Time{}
}

// Now is not asked for: what Look says holds for good.
func (j *judging) Now() time.Time { return time.Time{} }

// Relative is true: the best node scores 100.
func (j *judging) Relative() bool { return true }

// Scores is what PreScore and Score do.
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
