// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"context"
	"reflect"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/judge"
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
	score  func(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeInfo) (int64, *fwk.Status)
	// normalize is nil where scores are 0–100 as they are.
	normalize func(n int, at func(int) *int64)
	state     fwk.CycleState
	pod       *v1.Pod
}

// Judge tells the node index how nodes are judged for the pod.
func (p *TargetLoadPacking) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, p.Score, nil)
}

// Judge tells the node index how nodes are judged for the pod.
func (p *LoadVariationRiskBalancing) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, p.Score, nil)
}

// Judge tells the node index how nodes are judged for the pod.
func (p *LowRiskOverCommitment) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, p.Score, nil)
}

// Judge tells the node index how nodes are judged for the pod.
func (p *Peaks) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	return p.judge(state, pod, p.Score, normalizeJumps)
}

func (s *scorer) judge(state fwk.CycleState, pod *v1.Pod, score func(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeInfo) (int64, *fwk.Status), normalize func(int, func(int) *int64)) (judge.Judge, bool) {
	c := s.begin(state, pod)
	if s.nothingToSay(c) {
		return nil, true
	}
	return &judging{c, s, score, normalize, state, pod}, true
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
func (j *judging) Look(nodes []fwk.NodeInfo, verdicts []judge.Verdict) (until time.Time) {
	for i, n := range nodes {
		score, _ := j.score(context.Background(), j.state, j.pod, n) // never fails
		verdicts[i] = judge.Verdict{Raw: score}
		if ends := j.scorer.ends(j.cycle, n.Node().Name); !ends.IsZero() && (until.IsZero() || ends.Before(until)) {
			until = ends
		}
	}
	return until
}

// ends is when what is known of the node expires, or, where its sample is from the future, begins to count.
func (s *scorer) ends(c *cycle, node string) time.Time {
	if c.usage == nil {
		return time.Time{}
	}
	u, known := c.usage.Node(node)
	switch {
	case !known:
		return time.Time{}
	case u.Newest.Sub(c.begun) > s.options.Expiry:
		return u.Newest.Add(-s.options.Expiry)
	case c.begun.Sub(u.Newest) > s.options.Expiry:
		return time.Time{}
	}
	return u.Newest.Add(s.options.Expiry)
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
