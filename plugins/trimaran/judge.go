// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"math"
	"reflect"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

var (
	_ judge.Plugin = &TargetLoadPacking{}
	_ judge.Plugin = &LoadVariationRiskBalancing{}
	_ judge.Plugin = &LowRiskOverCommitment{}
	_ judge.Plugin = &Peaks{}
)

// judging is what the node index asks.
type judging struct {
	*cycle
	scorer *scorer
	// normalize is nil where scores are 0–100 as they are.
	normalize func(n int, at func(int) *int64)
	state     fwk.CycleState
}

// Judge tells the node index how nodes are judged for the pod.
func (p *TargetLoadPacking) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, nil)
}

// Judge tells the node index how nodes are judged for the pod.
func (p *LoadVariationRiskBalancing) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, nil)
}

// Judge tells the node index how nodes are judged for the pod.
func (p *LowRiskOverCommitment) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, nil)
}

// Judge tells the node index how nodes are judged for the pod.
func (p *Peaks) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, normalizeJumps)
}

func (s *scorer) judge(state fwk.CycleState, pod *v1.Pod, normalize func(int, func(int) *int64)) (judge.Judge, bool) {
	c := s.begin(state, pod)
	if s.nothingToSay(c) {
		return nil, true
	}
	return &judging{c, s, normalize, state}, true
}

// World is what is known of the nodes' use.
func (j *judging) World() any {
	if j.usage == nil || reflect.TypeOf(j.usage).Kind() == reflect.Pointer {
		return j.usage
	}
	return j // what is no pointer may not be comparable
}

// Shape is the pod's.
func (j *judging) Shape() any { return j.podPart }

// Look scores the nodes. That holds until the first of their samples expires.
func (j *judging) Look(rows []judge.Row, verdicts []judge.Verdict) (until time.Time) {
	s := j.scorer
	s.rows.In(j.World())
	read := func(node fwk.NodeInfo, n *nodePart) { s.readNode(j.usage, j.state, node, n) }
	first := int64(math.MaxInt64)
	for i := range rows {
		n := s.rows.Of(&rows[i], read)
		verdicts[i] = judge.Verdict{Raw: s.formula(j.cycle, n)}
		if n.known {
			first = min(first, n.ends(j.cycle, s.options.Expiry))
		}
	}
	if first < math.MaxInt64 {
		until = j.begun.Add(time.Duration(first))
	}
	return until
}

// ends is how long after the cycle began what is known of the node expires, or, where its sample is from the future, begins to
// count; math.MaxInt64 where neither will happen.
func (n *nodePart) ends(c *cycle, expiry time.Duration) int64 {
	switch age := c.begun.Sub(n.newest); {
	case -age > expiry:
		return int64(-age - expiry)
	case age > expiry:
		return math.MaxInt64
	default:
		return int64(expiry - age)
	}
}

// Now is when the cycle began.
func (j *judging) Now() time.Time { return j.begun }

// Relative says whether the scores are yet to be normalized.
func (j *judging) Relative() bool { return j.normalize != nil }

// Scores normalizes them.
func (j *judging) Scores(raw []int64) {
	if j.normalize != nil {
		j.normalize(len(raw), func(i int) *int64 { return &raw[i] })
	}
}
