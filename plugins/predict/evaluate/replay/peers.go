// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
)

// Scores that only a replay can have.
const (
	oracle      = "ReplayOracle"
	lastHourMax = "ReplayLastHourMax"
	repeats     = "ReplayYesterday"
	knownHours  = "ReplayKnownHours"
)

// peer is a score by a cost that a replay knows of a pod on a node: a share of the node, or a harm of package harm.
type peer struct {
	name string
	cost func(pod *v1.Pod, node string) float64
	// ranks says that the lowest cost alone gets 100, however little the others differ; else the score is 100 · (1 − cost).
	ranks bool
}

// peers are the plugins of a run.
func (r *run) peers() frameworkruntime.Registry {
	registry := frameworkruntime.Registry{}
	for _, p := range []*peer{{oracle, r.peakOf, true}, {lastHourMax, r.lastHourOf, false}, {repeats, r.repeatedOf, true}, {knownHours, r.knownHoursOf, true}} {
		registry[p.name] = func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) { return p, nil }
	}
	return registry
}

// Name returns the name of the plugin.
func (p *peer) Name() string { return p.name }

// Score returns the score, or the cost in billionths where costs are to be ranked.
func (p *peer) Score(_ context.Context, _ fwk.CycleState, pod *v1.Pod, n fwk.NodeInfo) (int64, *fwk.Status) {
	cost := p.cost(pod, n.Node().Name)
	if p.ranks {
		return int64(1e9 * cost), nil
	}
	return int64(100 * max(0, 1-cost)), nil
}

// ScoreExtensions returns the plugin where costs are no scores yet.
func (p *peer) ScoreExtensions() fwk.ScoreExtensions {
	if p.ranks {
		return p
	}
	return nil
}

// NormalizeScore gives 100 to the lowest cost alone, and less to the others.
func (p *peer) NormalizeScore(_ context.Context, _ fwk.CycleState, _ *v1.Pod, scores fwk.NodeScoreList) *fwk.Status {
	least, most := scores[0].Score, scores[0].Score
	for _, s := range scores {
		least, most = min(least, s.Score), max(most, s.Score)
	}
	for i, s := range scores {
		if s.Score == least {
			scores[i].Score = fwk.MaxScore
		} else {
			scores[i].Score = (most - s.Score) * (fwk.MaxScore - 1) / (most - least)
		}
	}
	return nil
}
