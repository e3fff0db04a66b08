// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

// ScorePlacement scores a placement of a whole pod group (gate TopologyAwareWorkloadScheduling). If
// the profile scores nodes by harm, it is scored by what its nodes are expected to suffer from the
// group, otherwise as upstream does.
func (r *ResourceFit) ScorePlacement(ctx context.Context, state fwk.PlacementCycleState, group fwk.PodGroupInfo, placement *fwk.PodGroupAssignments) (int64, *fwk.Status) {
	if score, known := r.placementHarm(placement); known {
		return score, nil
	}
	return r.fit.ScorePlacement(ctx, state, group, placement)
}

// placementHarm returns package harm's score for the mean risk that a pod of the group adds to its
// node:
//
//	score = 100 / (1 + 3·√(Σ over nodes (risk with the group − risk without) / pods))
//
// For example, two pods that raise the risk of one node from .015 to .078 add .063/2 = .0315 each
// and score 65. On two idle nodes whose risks each rise by .008 they score 78.
//
// It returns false if requests decide, because a pod's cycle is not scored by harm or nothing is
// predicted of a node.
func (r *ResourceFit) placementHarm(placement *fwk.PodGroupAssignments) (score int64, known bool) {
	if r.peaks == nil || len(placement.ProposedAssignments) == 0 {
		return 0, false
	}
	states, pods := map[string]fwk.CycleState{}, map[string][]forecast.PodForecast{}
	var one *peakState
	for _, a := range placement.ProposedAssignments {
		s := peakStateIn(a.GetCycleState())
		if s == nil || !s.harm {
			return 0, false
		}
		one = s
		states[a.GetNodeName()] = a.GetCycleState()
		pods[a.GetNodeName()] = append(pods[a.GetNodeName()], s.view.Pod)
	}
	risk := 0.0
	for _, node := range placement.Nodes {
		name := node.Node().Name
		if len(pods[name]) == 0 {
			continue
		}
		bounds := r.peaks.bounds.Of(states[name], node)
		rise, known := one.view.Rise(states[name], node, &bounds, pods[name])
		if !known {
			return 0, false
		}
		risk += rise
	}
	return int64(harm.Score(risk / float64(len(placement.ProposedAssignments)))), true
}
