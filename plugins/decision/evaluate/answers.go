// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"context"
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// answers of a profile about all nodes.
type answers struct {
	state   fwk.CycleState
	nodes   *nodes
	scores  []fwk.NodePluginScores // of feasible nodes, the best first
	refused map[string]*fwk.Status
	pre     *fwk.Status // PreFilter refused all
}

// ask runs the profile as upstream's search does, on all nodes.
func ask(ctx context.Context, f framework.Framework, seen *nodes, pod *v1.Pod) (*answers, error) {
	r := &answers{state: framework.NewCycleState(), nodes: seen, refused: map[string]*fwk.Status{}}
	result, status, _ := f.RunPreFilterPlugins(ctx, r.state, pod)
	if !status.IsSuccess() {
		if !status.IsRejected() {
			return nil, status.AsError()
		}
		r.pre = status
		return r, nil
	}
	var feasible []fwk.NodeInfo
	for _, info := range seen.all {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		name := info.Node().Name
		if !result.AllNodes() && !result.NodeNames.Has(name) {
			r.refused[name] = fwk.NewStatus(fwk.UnschedulableAndUnresolvable, "node(s) are none of those that the pod may go to")
			continue
		}
		status := f.RunFilterPluginsWithNominatedPods(ctx, r.state, pod, info)
		switch {
		case status.IsSuccess():
			feasible = append(feasible, info)
		case status.Code() == fwk.Error:
			return nil, status.AsError()
		default:
			r.refused[name] = status
		}
	}
	if len(feasible) == 0 {
		return r, nil
	}
	if status := f.RunPreScorePlugins(ctx, r.state, pod, feasible); !status.IsSuccess() {
		return nil, status.AsError()
	}
	scores, status := f.RunScorePlugins(ctx, r.state, pod, feasible)
	if !status.IsSuccess() {
		return nil, status.AsError()
	}
	slices.SortFunc(scores, func(a, b fwk.NodePluginScores) int {
		return cmp.Or(cmp.Compare(b.TotalScore, a.TotalScore), cmp.Compare(a.Name, b.Name))
	})
	r.scores = scores
	return r, nil
}

// scoredBy says whether the plugin told nodes apart by anything: it was not skipped.
func (r *answers) scoredBy(plugin string) bool {
	return len(r.scores) > 0 && slices.ContainsFunc(r.scores[0].Scores, func(s fwk.PluginScore) bool { return s.Name == plugin })
}

// choice is what would be chosen; of equals the given node, where it is among them.
func (r *answers) choice(chosen string) *decision.Choice {
	c := &decision.Choice{}
	best := int64(math.MinInt64)
	for _, s := range r.scores {
		if s.TotalScore < best {
			break
		}
		best = s.TotalScore
		c.Alike++
		if c.Node == "" || s.Name == chosen {
			c.Node, c.Total = s.Name, s.TotalScore
		}
	}
	return c
}
