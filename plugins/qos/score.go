// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
)

// nearTie is how far, in risk, a node may be from the best and still count as good. Upstream draws among the nodes of the
// highest score, each with the same chance; so that what is learned is not only of the nodes that looked best by a hair.
const nearTie = .01

// PreScore computes the harm of the pod on every node in one pass.
func (p *PredictedQoS) PreScore(_ context.Context, state fwk.CycleState, _ *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	c := cycleIn(state)
	if c == nil {
		return fwk.NewStatus(fwk.Skip)
	}
	p.slotsLock.Lock()
	slots := len(p.slots)
	p.slotsLock.Unlock()
	c.harm = slices.Grow(c.harm[:0], slots+len(nodes))[:slots+len(nodes)]
	for i := range c.harm {
		c.harm[i] = float32(math.Inf(1)) // of no node in hand
	}
	c.best, c.asGood = float32(math.Inf(1)), 0
	for _, n := range nodes {
		v := p.view(c, state, n)
		h := p.harm(c, v)
		c.harm[v.slot] = h
		c.best = min(c.best, h)
	}
	for _, h := range c.harm {
		if c.score(h) == fwk.MaxScore {
			c.asGood++
		}
	}
	return nil
}

// harm is the weight of the pod times its risk, and of each resident times what its risk rises by.
func (p *PredictedQoS) harm(c *cycle, v *view) float32 {
	after := v.use(predict.CPU, c.own.Peaks[horizon][predict.CPU], c.combiners[predict.CPU]).upper
	h := c.weight * quality.Probability(p.logOdds(c, v, after))
	for o, weight := range v.residents {
		if weight == 0 {
			continue
		}
		offset := c.judge.offset[o]
		h += weight * (quality.Probability(c.resident.LogOdds(after, v.pressure)+offset) - quality.Probability(c.resident.LogOdds(v.before, v.pressure)+offset))
	}
	return h
}

// logOdds of a violation of the pod's objective on a node that will use the share after of its CPU.
func (p *PredictedQoS) logOdds(c *cycle, v *view, after float32) float32 {
	z := c.slab.LogOdds(after, v.pressure) + c.judge.offset[c.objective]
	if v.known {
		z += v.history.Vector.Dot(&c.workload)
	}
	if c.objective == Availability {
		z += outOfMemory(v.use(predict.Memory, c.own.Peaks[horizon][predict.Memory], c.combiners[predict.Memory]).upper)
	}
	return z
}

// outOfMemory adds to the log-odds where the predicted memory comes near what there is: kubelets evict and the kernel
// kills from there on.
func outOfMemory(used float32) float32 { return 40 * min(max(used-.9, 0), .2) }

// score is 0–100, the less harm the more, relative to the best node; 1 of the pod's own risk is all of it.
func (c *cycle) score(harm float32) int64 {
	lost := (harm - c.best) / c.weight
	if lost <= nearTie {
		return fwk.MaxScore
	}
	return int64(float32(fwk.MaxScore) * max(1-lost, 0))
}

// Score reads what PreScore computed.
func (p *PredictedQoS) Score(_ context.Context, state fwk.CycleState, _ *v1.Pod, node fwk.NodeInfo) (int64, *fwk.Status) {
	c := cycleIn(state)
	if c == nil {
		return 0, nil
	}
	return c.score(c.harm[p.view(c, state, node).slot]), nil
}

// ScoreExtensions returns nil: scores are 0–100 already.
func (p *PredictedQoS) ScoreExtensions() fwk.ScoreExtensions { return nil }
