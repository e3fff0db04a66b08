// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"math"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// ErrReasonRisk is the reason for which a node is refused.
const ErrReasonRisk = "Predicted risk to the quality of service too high"

const stateKey = "PreFilter" + Name

// podCycle is what all nodes are judged by in the cycle of one pod.
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
	// slab is the table for the pod, and resident that for a pod of typical use that is already on
	// the node.
	slab, resident *quality.Slab
	verdict        *verdict.Cycle // refuses nodes; nil refuses none

	harms  []float32 // by row, written by PreScore
	rows   map[fwk.NodeInfo]int32
	best   float32
	asGood int // nodes that are as good as the best, itself included
}

// Clone returns the same state. Filter reads the node that it is given, from which preemption has
// already removed pods, so AddPod and RemovePod need to change nothing.
func (c *podCycle) Clone() fwk.StateData { return c }

// PreFilter takes the cycle's view of the cluster and looks the pod up once. If no node is to be
// judged, it writes no state, and the plugin's other methods do nothing in the cycle.
func (p *PredictedQoS) PreFilter(_ context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	view := p.service.views.Of(state, pod, len(nodes))
	f := p.frameOf(view.Snapshot)
	f.forget(len(nodes))
	p.export(f, state, nodes)
	if !p.scoresBy(f) {
		return nil, fwk.NewStatus(fwk.Skip)
	}
	c := p.newCycle(f, &view, pod, nodes)
	// The prior only orders nodes and is no probability, and nothing is known of a blind cluster.
	// In both cases no node is refused.
	if p.maxRisk < 1 && c.judge.Rung == feedback.RungModel && !c.snapshot.Blind() {
		c.verdict = p.rule.Begin(state, pod, nodes, false, func(n fwk.NodeInfo) bool { return p.lowerRisk(c, p.view(c.frame, state, n)) > p.maxRisk })
	}
	state.Write(stateKey, c)
	return nil, nil
}

// scoresBy reports whether nodes are scored and refused by the frame's judge.
func (p *PredictedQoS) scoresBy(f *frame) bool {
	return !p.fromModel || f.judge.Rung == feedback.RungModel
}

func (p *PredictedQoS) newCycle(f *frame, view *cycle.View, pod *v1.Pod, nodes []fwk.NodeInfo) *podCycle {
	c := &podCycle{frame: f, objective: p.objectiveOf(pod)}
	c.offset, c.doubt = c.judge.Rate(c.objective, p.rules.NameFor(pod))
	c.name = workload(pod, c.objective)
	c.workload = c.judge.History.Workload(c.name)
	c.takes = c.judge.History.Takes(c.name)
	if class, ok := classOf(pod); ok {
		c.burden = c.judge.History.Hurts[class][0]
	}
	c.own = view.Pod
	c.weight = max(p.weights[c.objective]*objective.Importance(pod), .01)
	if len(nodes) > 0 {
		c.cores = float64(nodes[0].GetAllocatable().GetMilliCPU()) / 1000
	}
	// One slab serves all nodes: only the order of magnitude of own use counts, and the nodes of a
	// cluster are of similar size.
	c.slab = &quality.Slab{}
	c.judge.Table.For(c.own.Peaks[horizon][forecast.CPU].Mean/max(c.cores, 1e-3), c.slab)
	c.resident = &c.judge.Typical
	return c
}

// PreFilterExtensions returns nil: see podCycle.Clone.
func (p *PredictedQoS) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// doubts is the distance of a bound in standard deviations: nine in ten values lie above the lower
// bound.
const doubts = 1.28

// lowerRisk returns the lower bound of the risk: with the lower bound of the node's use, and with
// the log-odds lowered by doubts standard deviations of the node's history and the objective's base
// rate.
func (p *PredictedQoS) lowerRisk(c *podCycle, v *view) float32 {
	z := c.slab.LogOdds(c.after(v).lower, v.pressure) + c.offset + v.history.Dot(&c.workload) + v.company.Dot(&c.takes)
	return quality.Probability(z - doubts*float32(math.Sqrt(float64(v.doubt*v.doubt+c.doubt*c.doubt))))
}

// Filter refuses a node if even the lower bound of the risk exceeds the allowed one.
func (p *PredictedQoS) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	c := cycleIn(state)
	if c == nil || c.verdict == nil {
		return nil
	}
	v := p.view(c.frame, state, node)
	if p.lowerRisk(c, v) <= p.maxRisk {
		return nil
	}
	return c.verdict.Refuse(pod, p.lowerRisk(c, v.alone()) > p.maxRisk, ErrReasonRisk)
}

func cycleIn(state fwk.CycleState) *podCycle {
	return cyclestate.Of[*podCycle](state, stateKey)
}

// judged renews the frame and has refused pods tried again after a new judge.
func (p *PredictedQoS) judged(logger klog.Logger, was, is *feedback.Judge) {
	p.renew()
	p.service.views.Verdicts.Refused.Now() // What outcomes say is no event that brings a pod back.
	if was.Rung != is.Rung {
		logger.Info("The quality of service is judged by another rung", "profile", p.profile, "was", was.Rung, "is", is.Rung)
	}
}
