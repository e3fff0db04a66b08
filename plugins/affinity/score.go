// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
)

const scoreStateKey = "PreScore" + Name

// scoreState is written for pods that service anti-affinity spreads, and only for them.
type scoreState struct {
	nodeAffinitySkipped bool
	// spread is the score (0–100) of each node, in the order of PreScore's nodes.
	spread []int64
}

// Clone shares the state: nothing changes it.
func (s *scoreState) Clone() fwk.StateData { return s }

// PreScore asks upstream, then scores the spreading, which needs all nodes at once.
func (a *Affinity) PreScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	status := a.node.PreScore(ctx, state, pod, nodes)
	if !status.IsSuccess() && !status.IsSkip() {
		return status
	}
	r, err := a.rulesFor(pod)
	if err != nil {
		return fwk.AsStatus(err)
	}
	if len(r.apart) == 0 {
		return status
	}
	selectors, err := a.serviceSelectors(pod)
	if err != nil {
		return fwk.AsStatus(err)
	}
	if len(selectors) == 0 {
		return status
	}
	// As the policy did: of several Services the first one counts.
	spread := spreadScores(pod, selectors[0], r.apart, a.nodes.All(nodes))
	state.Write(scoreStateKey, &scoreState{nodeAffinitySkipped: status.IsSkip(), spread: spread})
	return nil
}

// spreadScores gives each node the share of the Service's pods that run elsewhere:
// 100 · (all − those on nodes with this node's value of the label) / all, averaged
// over the labels; a node without a label gets nothing for it. Pods that are being
// deleted do not count. This is the ServiceAntiAffinity priority of
// pkg/scheduler/framework/plugins/serviceaffinity at Kubernetes v1.22.
func spreadScores(pod *v1.Pod, selector labels.Selector, keys []string, nodes []fwk.NodeInfo) []int64 {
	counts := make([]int, len(nodes))
	total := 0
	for i, n := range nodes {
		for _, p := range n.GetPods() {
			other := p.GetPod()
			if other.Namespace == pod.Namespace && other.DeletionTimestamp == nil && selector.Matches(labels.Set(other.Labels)) {
				counts[i]++
			}
		}
		total += counts[i]
	}
	sums := make([]float64, len(nodes))
	for _, key := range keys {
		byValue := map[string]int{}
		for i, n := range nodes {
			if value, ok := n.Node().Labels[key]; ok {
				byValue[value] += counts[i]
			}
		}
		for i, n := range nodes {
			value, ok := n.Node().Labels[key]
			if !ok {
				continue
			}
			score := float64(fwk.MaxScore)
			if total > 0 {
				score *= float64(total-byValue[value]) / float64(total)
			}
			sums[i] += score / float64(len(keys))
		}
	}
	scores := make([]int64, len(nodes))
	for i, s := range sums {
		scores[i] = int64(s)
	}
	return scores
}

// Score is upstream's; NormalizeScore adds the spreading.
func (a *Affinity) Score(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) (int64, *fwk.Status) {
	if s := scoreStateIn(state); s != nil && s.nodeAffinitySkipped {
		return 0, nil
	}
	return a.node.Score(ctx, state, pod, nodeInfo)
}

// ScoreExtensions returns the normalizer.
func (a *Affinity) ScoreExtensions() fwk.ScoreExtensions { return a }

// NormalizeScore brings upstream's scores to 0–100 and mixes in the spreading: alone
// where the pod has no preferred node affinity, else as the weighted mean.
func (a *Affinity) NormalizeScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, scores fwk.NodeScoreList) *fwk.Status {
	s := scoreStateIn(state)
	if s == nil {
		return a.node.NormalizeScore(ctx, state, pod, scores)
	}
	if len(s.spread) != len(scores) {
		return fwk.AsStatus(fmt.Errorf("%s: %d nodes to normalize, PreScore saw %d", Name, len(scores), len(s.spread)))
	}
	if s.nodeAffinitySkipped {
		for i := range scores {
			scores[i].Score = s.spread[i]
		}
		return nil
	}
	if status := a.node.NormalizeScore(ctx, state, pod, scores); !status.IsSuccess() {
		return status
	}
	for i := range scores {
		scores[i].Score = (scores[i].Score + a.antiAffinityWeight*s.spread[i]) / (1 + a.antiAffinityWeight)
	}
	return nil
}

// scoreStateIn is nil where service anti-affinity does not spread the pod.
func scoreStateIn(state fwk.CycleState) *scoreState {
	return cyclestate.Of[*scoreState](state, scoreStateKey)
}
