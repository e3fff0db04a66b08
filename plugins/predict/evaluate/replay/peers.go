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
)

// peer is a score by a cost that a replay knows of a pod on a node.
type peer struct {
	name string
	cost func(pod *v1.Pod, node string) float64
}

// peers are the plugins of a run.
func (r *run) peers() frameworkruntime.Registry {
	registry := frameworkruntime.Registry{}
	for name, cost := range map[string]func(*v1.Pod, string) float64{oracle: r.peakOf, lastHourMax: r.lastHourOf} {
		registry[name] = func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) { return &peer{name, cost}, nil }
	}
	return registry
}

// Name returns the name of the plugin.
func (p *peer) Name() string { return p.name }

// Score returns the cost in millionths.
func (p *peer) Score(_ context.Context, _ fwk.CycleState, pod *v1.Pod, n fwk.NodeInfo) (int64, *fwk.Status) {
	return int64(1e6 * p.cost(pod, n.Node().Name)), nil
}

// ScoreExtensions returns the plugin, since costs are no scores yet.
func (p *peer) ScoreExtensions() fwk.ScoreExtensions { return p }

// NormalizeScore gives 100 to the lowest cost alone, and less to the others.
func (p *peer) NormalizeScore(_ context.Context, _ fwk.CycleState, _ *v1.Pod, scores fwk.NodeScoreList) *fwk.Status {
	least, most := scores[0].Score, scores[0].Score
	for _, s := range scores {
		least, most = min(least, s.Score), max(most, s.Score)
	}
	for i, s := range scores {
		if s.Score == least {
			scores[i].Score = fwk.MaxNodeScore
		} else {
			scores[i].Score = (most - s.Score) * (fwk.MaxNodeScore - 1) / (most - least)
		}
	}
	return nil
}
