// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

// runsWell is up to what share of its bound a resource runs well. CPU that is all but used up makes threads wait; memory
// does nothing before it is gone.
var runsWell = forecast.Amounts{forecast.CPU: .8, forecast.Memory: .9}

// Score says from 0 to 100 how little a node is expected to suffer with the pod on it, as package harm has it.
func (v *View) Score(state fwk.CycleState, node fwk.NodeInfo, bounds *Bounds) float64 {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.ScoreOf(&f.Use, &f.Forecast, bounds, forecast.AllocatableOf(node))
}

// Expected returns what a node is expected to use with the pod, in cores and bytes, and the node's part in it. Nobody may write to that.
func (v *View) Expected(state fwk.CycleState, node fwk.NodeInfo) (forecast.Amounts, *forecast.NodeForecast) {
	f := v.Loads.Of(state, v.Snapshot, node)
	return v.ExpectedOf(&f.Use, &f.Forecast), &f.Forecast
}

// ExpectedOf is Expected of a node whose pods' use and whose forecast are at hand.
func (v *View) ExpectedOf(pods *forecast.NodeUse, f *forecast.NodeForecast) (use forecast.Amounts) {
	with := *pods
	with.Add(&v.Pod)
	for r := range use {
		use[r] = max(0, with[r].Mean+f.Beyond[r].Mean)
	}
	return use
}

// ScoreOf is Score of a node whose pods' use and whose forecast are at hand.
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

// Rise is how much more the node's risk is, as package harm has it, with more pods that are expected to use so much. It is false where
// nothing is predicted of the node.
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

// Excess is what the node is expected to use, with the pod, beyond what it runs well at: on average, in cores and bytes. The score falls
// with it. It is false where nothing is predicted of the node.
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

// RunsWell is up to what share of its bound a node runs well.
func RunsWell() forecast.Amounts { return runsWell }
