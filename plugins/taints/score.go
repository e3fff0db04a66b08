// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints

import (
	"context"
	"math/bits"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// PreScore runs upstream's PreScore.
func (t *Taints) PreScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	return t.tolerations.PreScore(ctx, state, pod, nodes)
}

// Score counts the PreferNoSchedule taints that the pod does not tolerate: those in the node's
// spec, and those that predicted pressure counts as.
func (t *Taints) Score(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) (int64, *fwk.Status) {
	count, status := t.tolerations.Score(ctx, state, pod, nodeInfo)
	if !status.IsSuccess() || t.effect != v1.TaintEffectPreferNoSchedule {
		return count, status
	}
	return count + int64(bits.OnesCount8(uint8(t.untolerated(state, t.nodes.Of(nodeInfo))))), nil
}

// ScoreExtensions returns the normalizer.
func (t *Taints) ScoreExtensions() fwk.ScoreExtensions { return t }

// NormalizeScore is upstream's: the fewer untolerated taints, the higher the score, 0–100.
func (t *Taints) NormalizeScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, scores fwk.NodeScoreList) *fwk.Status {
	return t.tolerations.NormalizeScore(ctx, state, pod, scores)
}
