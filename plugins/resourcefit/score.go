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

// scoreState is the result of upstream's two plugins in PreScore.
type scoreState struct {
	// upstream is a separate cycle state. Upstream's plugins write values that depend on their args
	// under fixed keys, and the profile may have an upstream NodeResourcesFit with other args.
	upstream fwk.CycleState
	// balancedSkipped is true if upstream's balancing skips the pod.
	balancedSkipped bool
}

// Clone returns the same state, since nothing changes it.
func (s *scoreState) Clone() fwk.StateData { return s }

// PreScore runs upstream's two plugins. If the strategy scores predicted use, they get the pod with
// its predicted peak as its requests.
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

// Score scores a node with a forecast by what it will suffer or by the strategy, as configured.
// With a strategy, a node that is predicted to exceed a bound gets 0: even if the strategy prefers
// full nodes, the fullest one is then not the best.
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

// scoreOf returns the weighted mean of upstream's two scores, 0–100. For example, a fit of 60 and a
// balance of 80 with balancedWeight = 1 score (60 + 1·80)/(1 + 1) = 70. If balancing skips the pod,
// it counts 0 on every node, as in a profile with upstream's two plugins. So the mean times the sum
// of weights equals the sum of that profile. A guard in mode Score then lowers the score by the
// share by which the node is over its bound.
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

// ScoreExtensions returns nil: the scores are already 0–100, like upstream's.
func (r *ResourceFit) ScoreExtensions() fwk.ScoreExtensions { return nil }
