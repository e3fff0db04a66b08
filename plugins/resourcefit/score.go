// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
)

const scoreStateKey = "PreScore" + Name

// scoreState is what upstream's two plugins found in PreScore.
type scoreState struct {
	// upstream is a state of its own: they write what depends on their args under fixed
	// keys, and the profile may have an upstream NodeResourcesFit of other args.
	upstream fwk.CycleState
	// balancedSkipped: upstream's balancing leaves this pod alone.
	balancedSkipped bool
}

// Clone shares the state: nothing changes it.
func (s *scoreState) Clone() fwk.StateData { return s }

// PreScore asks upstream's two plugins, about the pod as it is predicted where the strategy scores that.
func (r *ResourceFit) PreScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	if r.peaks != nil {
		if s := peakStateIn(state); s != nil && !s.harm {
			var scored *scoredPod
			pod, scored = r.peaks.predictedPod(s, pod)
			state.Write(scoredKey, scored)
		}
	}
	s := &scoreState{upstream: framework.NewCycleState()}
	if status := r.fit.PreScore(ctx, s.upstream, r.counted(pod), nodes); !status.IsSuccess() {
		return status
	}
	if r.balanced != nil {
		status := r.balanced.PreScore(ctx, s.upstream, pod, nodes)
		if s.balancedSkipped = status.IsSkip(); !s.balancedSkipped && !status.IsSuccess() {
			return status
		}
	}
	state.Write(scoreStateKey, s)
	return nil
}

// Score scores the node as it is predicted, where it is: by what it will suffer, or by the
// strategy. Then a node that is predicted to pass a bound gets 0, whatever the strategy: the
// fullest one is not the best any more.
func (r *ResourceFit) Score(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) (int64, *fwk.Status) {
	nodeInfo = r.nodes.Of(nodeInfo)
	if r.peaks == nil {
		return r.scoreOf(ctx, state, pod, nodeInfo)
	}
	s := peakStateIn(state)
	if s == nil {
		return r.scoreOf(ctx, state, pod, nodeInfo) // Nothing was predicted when the cycle began.
	}
	if s.harm {
		score, known := r.peaks.score(state, s, nodeInfo)
		if !known {
			return r.scoreOf(ctx, state, pod, nodeInfo)
		}
		if r.guard != nil {
			score = r.guard.ScoreDown(state, nodeInfo, score)
		}
		return score, nil
	}
	scored := cyclestate.Of[*scoredPod](state, scoredKey)
	if scored == nil {
		return r.scoreOf(ctx, state, pod, nodeInfo) // A profile that leaves PreScore out.
	}
	v := r.peaks.judge(state, s, nodeInfo)
	if v.scoreless {
		return 0, nil
	}
	n := predictedNodes.Get().(*predictedNode)
	defer predictedNodes.Put(n)
	n.set(nodeInfo, &v, scored)
	return r.scoreOf(ctx, state, pod, n)
}

// scoreOf is the weighted mean of upstream's two scores, 0–100. A pod that the balancing
// skips gets 0 for it on every node, as in a profile that has upstream's two plugins:
// so the mean times the sum of weights is that profile's sum. A guard in mode Score
// then takes from a node the share by which it is over its bound.
func (r *ResourceFit) scoreOf(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) (int64, *fwk.Status) {
	s := r.unprepared
	if prepared := cyclestate.Of[*scoreState](state, scoreStateKey); prepared != nil {
		s = prepared
	}
	counted := pod
	if s == r.unprepared {
		counted = r.counted(pod)
	}
	score, status := r.fit.Score(ctx, s.upstream, counted, nodeInfo)
	if !status.IsSuccess() {
		return 0, status
	}
	if r.balanced != nil {
		if !s.balancedSkipped {
			balanced, status := r.balanced.Score(ctx, s.upstream, pod, nodeInfo)
			if !status.IsSuccess() {
				return 0, status
			}
			score += r.balancedWeight * balanced
		}
		score /= 1 + r.balancedWeight
	}
	if r.guard == nil {
		return score, nil
	}
	return r.guard.ScoreDown(state, nodeInfo, score), nil
}

// ScoreExtensions returns nil: the scores are 0–100 as they are, like upstream's.
func (r *ResourceFit) ScoreExtensions() fwk.ScoreExtensions { return nil }
