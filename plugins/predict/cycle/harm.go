// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

// runsWell is the share of its bound up to which a resource runs well. When CPU is almost used up,
// threads wait. Memory has no effect until it is gone.
var runsWell = forecast.Amounts{forecast.CPU: .8, forecast.Memory: .9}

// Score returns how little a node is expected to suffer with the pod on it, from 0 to 100; see
// package harm.
func (v *View) Score(state fwk.CycleState, node fwk.NodeInfo, bounds *Bounds) float64 {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.ScoreOf(&f.Use, &f.Forecast, bounds, forecast.AllocatableOf(node))
}

// Expected returns the expected use of a node with the pod, in cores and bytes, and the node's own
// forecast, which must not be changed.
func (v *View) Expected(state fwk.CycleState, node fwk.NodeInfo) (forecast.Amounts, *forecast.NodeForecast) {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.ExpectedOf(&f.Use, &f.Forecast), &f.Forecast
}

// ExpectedOf is Expected for a node whose forecast and sum of pods are at hand.
func (v *View) ExpectedOf(pods *forecast.NodeUse, f *forecast.NodeForecast) (use forecast.Amounts) {
	with := *pods
	with.Add(&v.Pod)
	for r := range use {
		use[r] = max(0, with[r].Mean+f.Beyond[r].Mean)
	}
	return use
}

// ScoreOf is Score for a node whose forecast and sum of pods are at hand.
func (v *View) ScoreOf(pods *forecast.NodeUse, f *forecast.NodeForecast, bounds *Bounds, allocatable forecast.Amounts) float64 {
	with := *pods
	with.Add(&v.Pod)
	return harm.Score(riskOf(&with, f, bounds, allocatable))
}

func riskOf(pods *forecast.NodeUse, f *forecast.NodeForecast, bounds *Bounds, allocatable forecast.Amounts) (risk float64) {
	for r := range pods {
		risk += harm.Risk(pods.And(r, &f.Beyond[r]), runsWell[r]*bounds.Share[r]*allocatable[r], allocatable[r])
	}
	return risk
}

// Rise returns how much the node's risk, as package harm defines it, rises with more pods of the
// given forecasts. It returns false if nothing is predicted of the node.
func (v *View) Rise(state fwk.CycleState, node fwk.NodeInfo, bounds *Bounds, more []forecast.PodForecast) (risk float64, known bool) {
	f := v.Loads.Of(state, v.Snapshot, node)
	if bounds.Off || f.Forecast.Rung == forecast.Blind {
		return 0, false
	}
	with, allocatable := f.Use, forecast.AllocatableOf(node)
	for i := range more {
		with.Add(&more[i])
	}
	return riskOf(&with, &f.Forecast, bounds, allocatable) - riskOf(&f.Use, &f.Forecast, bounds, allocatable), true
}

// Excess returns how much the node is expected to use, with the pod, above the level up to which it
// runs well: on average, in cores and bytes. The score falls as it rises. It returns false if
// nothing is predicted of the node.
//
// For example, a node of 8 cores with a bound of 1 runs well up to .8·8 = 6.4 cores. If it is
// expected to use 4 ± 2 cores with the pod, the excess is .112 cores.
func (v *View) Excess(state fwk.CycleState, node fwk.NodeInfo, bounds *Bounds) (excess forecast.Amounts, known bool) {
	f := v.Loads.Of(state, v.Snapshot, node)
	if bounds.Off || f.Forecast.Rung == forecast.Blind {
		return excess, false
	}
	with, allocatable := f.Use, forecast.AllocatableOf(node)
	with.Add(&v.Pod)
	for r := range excess {
		excess[r] = allocatable[r] * harm.Excess(with.And(r, &f.Forecast.Beyond[r]), runsWell[r]*bounds.Share[r]*allocatable[r], allocatable[r])
	}
	return excess, true
}

// RunsWell returns the share of its bound up to which each resource runs well.
func RunsWell() forecast.Amounts { return runsWell }
