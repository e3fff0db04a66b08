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

// after is the share of the CPU that a node uses with the pod.
func (c *podCycle) after(v *view) share {
	return v.cpu.with(c.own.Peaks[horizon][forecast.CPU], c.combiners[forecast.CPU])
}

// logOdds of a violation of the pod's objective on a node that will use the share after of its CPU.
func (c *podCycle) logOdds(v *view, after float32) float32 {
	return c.corrected(c.slab.LogOdds(after, v.pressure), v)
}

// corrected is what the table says, and what is known of the pod's objective, of the node's history, pods and memory.
func (c *podCycle) corrected(z float32, v *view) float32 {
	z += c.offset + v.history.Dot(&c.workload) + v.company.Dot(&c.takes)
	if c.objective == objective.Availability {
		z += c.outOfMemory(&v.memory)
	}
	return z
}

// outOfMemory adds to the log-odds where the predicted memory comes near what there is: kubelets evict and the kernel
// kills from there on.
func (c *podCycle) outOfMemory(memory *demand) float32 {
	used := memory.with(c.own.Peaks[horizon][forecast.Memory], c.combiners[forecast.Memory]).upper
	return 40 * min(max(used-fullFrom, 0), .2)
}

// score is 0–100: the chance that the pod and those that are there keep their service, against the chance on the best node, to
// the power of 1/the pod's weight. It falls as harm rises, however great that is, so among crowded nodes the less crowded one is
// the better one.
func (c *podCycle) score(harm float32) int64 {
	if c.good(harm) {
		return fwk.MaxScore
	}
	return percentOf((c.best - harm) / c.weight)
}

// good says whether no node is noticeably better than one with the harm. Upstream draws among the nodes of the highest score,
// each with the same chance; so that what is learned is not only of the nodes that looked best by a hair.
func (c *podCycle) good(harm float32) bool { return harm-c.best <= quality.NearTie*c.weight }

// Score reads what PreScore computed.
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

// ScoreExtensions returns nil: scores are 0–100 already.
func (p *PredictedQoS) ScoreExtensions() fwk.ScoreExtensions { return nil }
