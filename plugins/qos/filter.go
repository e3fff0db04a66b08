// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"math"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// ErrReasonRisk is why a node is refused.
const ErrReasonRisk = "Predicted risk to the quality of service too high"

const stateKey = "PreFilter" + Name

// podCycle is what one pod's cycle judges all nodes by.
type podCycle struct {
	*frame

	objective objective.Objective
	workload  outcome.Vector
	takes     outcome.Burden
	burden    float32 // what the pod does to those beside it, in log-odds
	name      string  // of the workload
	own       forecast.PodForecast
	weight    float32
	offset    float32 // of the pod's objective, in log-odds
	doubt     float32 // the standard deviation of that
	cores     float64 // of a node, by which the pod's own use counts
	// slabs are the table for the pod, and for a pod of typical use that is there already.
	slab, resident *quality.Slab
	filters        bool
	refused        atomic.Bool // a node to the pod

	harms  []float32 // by row, written by PreScore
	rows   map[fwk.NodeInfo]int32
	best   float32
	asGood int // nodes that are as good as the best, itself included
}

// Clone shares the state: Filter reads the node it is handed, whose pods preemption has already taken off, so nothing in it
// moves with AddPod and RemovePod.
func (c *podCycle) Clone() fwk.StateData { return c }

// PreFilter takes the cycle's view of the cluster and looks the pod up once. Where no node is to be judged it writes no state, and all
// else passes the cycle by.
func (p *PredictedQoS) PreFilter(_ context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	f := p.current()
	f.forget(len(nodes))
	p.export(f, state, nodes)
	if !p.scoresBy(f) {
		return nil, fwk.NewStatus(fwk.Skip)
	}
	c := p.newCycle(f, pod, nodes)
	state.Write(stateKey, c)
	if c.filters && p.refusesAll(c, state, pod, nodes) {
		// Whatever is wrong, a cluster in which nothing can be placed helps nobody.
		c.filters = false
		p.breaker.Add(1)
	}
	return nil, nil
}

// scoresBy says whether nodes are scored and refused by what the frame judges by.
func (p *PredictedQoS) scoresBy(f *frame) bool {
	return !p.fromModel || f.judge.Rung == feedback.RungModel
}

func (p *PredictedQoS) newCycle(f *frame, pod *v1.Pod, nodes []fwk.NodeInfo) *podCycle {
	c := &podCycle{frame: f, objective: p.objectiveOf(pod)}
	c.offset, c.doubt = c.judge.Rate(c.objective, p.rules.NameFor(pod))
	c.name = workload(pod, c.objective)
	c.workload = c.judge.History.Workload(c.name)
	c.takes = c.judge.History.Takes(c.name)
	if class, ok := classOf(pod); ok {
		c.burden = c.judge.History.Hurts[class][0]
	}
	c.own = c.snapshot.Pod(pod)
	c.weight = max(p.weights[c.objective]*objective.Importance(pod), .01)
	if len(nodes) > 0 {
		c.cores = float64(nodes[0].GetAllocatable().GetMilliCPU()) / 1000
	}
	// One slab for all nodes: own use counts by its order of magnitude, and nodes of a cluster are of one.
	c.slab = &quality.Slab{}
	c.judge.Table.For(c.own.Peaks[horizon][forecast.CPU].Mean/max(c.cores, 1e-3), c.slab)
	c.resident = &c.judge.Typical
	// The prior is an order and no probability, and of a blind cluster nothing is known: neither refuses anybody.
	c.filters = p.maxRisk < 1 && c.judge.Rung == feedback.RungModel && !c.snapshot.Blind() && !forecast.IsDaemon(pod)
	return c
}

// PreFilterExtensions returns nil: see podCycle.Clone.
func (p *PredictedQoS) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// refusesAll says whether there are nodes that the pod may go to, and the risk is too high on all of them.
func (p *PredictedQoS) refusesAll(c *podCycle, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) bool {
	allowed, found := cycle.AllowedFor(pod, p.volumes), false
	for _, n := range nodes {
		if !allowed.On(n.Node()) {
			continue
		}
		if p.lowerRisk(c, p.view(c.frame, state, n)) <= p.maxRisk {
			return false
		}
		found = true
	}
	return found
}

// doubts is how many standard deviations a bound is away: nine in ten lie above the lower bound.
const doubts = 1.28

// lowerRisk is the risk if the node uses no more than it does for sure, and its history and the objective's base rate are as bad as they
// look only in part.
func (p *PredictedQoS) lowerRisk(c *podCycle, v *view) float32 {
	z := c.slab.LogOdds(c.after(v).lower, v.pressure) + c.offset + v.history.Dot(&c.workload) + v.company.Dot(&c.takes)
	return quality.Probability(z - doubts*float32(math.Sqrt(float64(v.doubt*v.doubt+c.doubt*c.doubt))))
}

// Filter refuses a node where even the lower bound of the risk is over the allowed one.
func (p *PredictedQoS) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	c := cycleIn(state)
	if c == nil || !c.filters || p.lowerRisk(c, p.view(c.frame, state, node)) <= p.maxRisk {
		return nil
	}
	if !c.refused.Swap(true) {
		p.refused.Add(pod)
	}
	// Evicting the node's pods lowers what it will use, so preemption may cure it.
	return fwk.NewStatus(fwk.Unschedulable, ErrReasonRisk)
}

func cycleIn(state fwk.CycleState) *podCycle {
	return cyclestate.Of[*podCycle](state, stateKey)
}

// judged brings back what was refused.
func (p *PredictedQoS) judged(logger klog.Logger, was, is *feedback.Judge) {
	p.renew()
	if pods := p.refused.Take(); len(pods) > 0 {
		// Neither metrics nor outcomes are events that bring a pod back.
		p.handle.Activate(logger, pods)
	}
	if was.Rung != is.Rung {
		logger.Info("The quality of service is judged by another rung", "profile", p.profile, "was", was.Rung, "is", is.Rung)
	}
}
