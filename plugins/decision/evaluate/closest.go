// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"math"
	"slices"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Closest says of the node that is least over its bounds, of those that a prediction refused, by which figures it is; "" where no prediction
// refused any. The state is that of the cycle in which the pod found no node.
//
// For example: "Closest is node-2: its predicted peak of cpu would be at least 8.6 of 8 cores with the pod, and is 7.6 without; the bound is 100 %."
func Closest(state fwk.CycleState, nodes fwk.NodeInfoLister, statuses fwk.NodeToStatusReader) string {
	p := cycle.PredictionIn(state, cycle.PeaksState)
	if p == nil || !p.Filters {
		return ""
	}
	all, err := nodes.List()
	if err != nil {
		return ""
	}
	said, least := "", math.Inf(1)
	for _, info := range all {
		status := statuses.Get(info.Node().Name)
		if status.Plugin() != config.ResourceFitName || !slices.ContainsFunc(status.Reasons(), refusedByPeak) {
			continue
		}
		with, without, lacks := decisive(p, state, info)
		bounds, allocatable := p.Bounds.Of(state, info), forecast.AllocatableOf(info)
		if !p.Overcommits {
			bounds = bounds.Without(lacks)
		}
		over := bounds.Over(with, allocatable)
		r, worst := -1, 0.
		for i := range over {
			if by := with[i]/allocatable[i] - bounds.Share[i]; over[i] && (r < 0 || by > worst) {
				r, worst = i, by
			}
		}
		if r < 0 || !(worst < least) {
			continue
		}
		least = worst
		name, most := forecast.Resource(r).String(), "at least"
		if p.Overcommits {
			most = "up to"
		}
		said = fmt.Sprintf("Closest is %s: its predicted peak of %s would be %s %s of %s with the pod, and is %s without; the bound is %.0f %%.", info.Node().Name, name,
			most, decision.Amount(name, with[r]), decision.AmountOf(name, allocatable[r]), decision.Amount(name, without[r]), 100*bounds.Share[r])
	}
	return said
}

func refusedByPeak(reason string) bool {
	return len(reason) > len(peakRefusal) && reason[:len(peakRefusal)] == peakRefusal
}

// peakRefusal begins the reasons of ResourceFit for nodes that a prediction refuses.
const peakRefusal = "Predicted peak"

// decisive are the ends of the node's predicted peaks that refuse it, with the pod and without.
func decisive(p *cycle.Prediction, state fwk.CycleState, info fwk.NodeInfo) (with, without forecast.Amounts, lacks forecast.Set) {
	alone := p.View
	alone.Pod = forecast.PodForecast{}
	peaks, f := p.View.Peaks(state, info)
	less, _ := alone.Peaks(state, info)
	if p.Overcommits {
		return forecast.Upper(peaks), forecast.Upper(less), f.Lacks
	}
	return forecast.Lower(peaks), forecast.Lower(less), f.Lacks
}
