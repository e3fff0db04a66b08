// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// PreScore computes the harm of the pod on every node in one pass.
func (p *PredictedQoS) PreScore(_ context.Context, state fwk.CycleState, _ *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	c := cycleIn(state)
	if c == nil {
		return fwk.NewStatus(fwk.Skip)
	}
	p.pass(c, state, p.nodes.All(nodes))
	c.asGood = 0
	for _, h := range c.harms {
		if c.good(h) {
			c.asGood++
		}
	}
	return nil
}

// after returns the share of the node's CPU that is used with the pod.
func (c *podCycle) after(v *view) share {
	return v.cpu.with(c.own.Peaks[horizon][forecast.CPU], c.combiners[forecast.CPU])
}

// logOdds returns the log-odds of a violation of the pod's objective on a node that will use the
// share after of its CPU.
func (c *podCycle) logOdds(v *view, after float32) float32 {
	return c.corrected(c.slab.LogOdds(after, v.pressure), v)
}

// corrected adds to the table's value z what is known of the pod's objective and of the node's
// history, pods and memory.
func (c *podCycle) corrected(z float32, v *view) float32 {
	z += c.offset + v.history.Dot(&c.workload) + v.company.Dot(&c.takes)
	if c.objective == objective.Availability {
		z += c.outOfMemory(&v.memory)
	}
	return z
}

// outOfMemory returns what is added to the log-odds if the predicted memory comes close to the
// node's, where kubelets evict and the kernel kills. It is 40 times the share above .9, at most 8:
// at .95 it is 2.
func (c *podCycle) outOfMemory(memory *demand) float32 {
	used := memory.with(c.own.Peaks[horizon][forecast.Memory], c.combiners[forecast.Memory]).upper
	return 40 * min(max(used-fullFrom, 0), .2)
}

// score returns the score, 0–100: the probability that the pod and the pods beside it keep their
// service, relative to that on the best node, to the power of 1/the pod's weight. For example, if
// the best node's harm is .1, a harm of .3 scores 100·e^−.2 = 81 with weight 1. The score falls as
// harm rises, however great it is, so among crowded nodes the less crowded one is better.
func (c *podCycle) score(harm float32) int64 {
	if c.good(harm) {
		return fwk.MaxScore
	}
	return percentOf((c.best - harm) / c.weight)
}

// good reports whether no node is noticeably better than one with this harm. Upstream chooses at
// random among the nodes with the highest score, so the plugin learns not only of nodes that look
// best by a hair.
func (c *podCycle) good(harm float32) bool { return harm-c.best <= quality.NearTie*c.weight }

// Score returns the score from the harm that PreScore computed.
func (p *PredictedQoS) Score(_ context.Context, state fwk.CycleState, _ *v1.Pod, node fwk.NodeInfo) (int64, *fwk.Status) {
	c := cycleIn(state)
	if c == nil {
		return 0, nil
	}
	at, ok := c.rows[p.nodes.Of(node)]
	if !ok {
		return 0, nil
	}
	return c.score(c.harms[at]), nil
}

// ScoreExtensions returns nil: scores are already 0–100.
func (p *PredictedQoS) ScoreExtensions() fwk.ScoreExtensions { return nil }
