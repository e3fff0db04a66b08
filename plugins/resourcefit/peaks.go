// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// OvercommitAnnotation of a pod, with the value "true", has it placed only where its
// predicted use leaves room, however little it requests: so pods that request less than
// they use, or nothing, fill what others leave idle, and no more. The kubelet still admits
// by requests.
const OvercommitAnnotation = "foresight-scheduler.dev/overcommit"

const peakStateKey = cycle.PeaksState

// Forecasts are what ResourceFit reads of the future. The zero value knows nothing.
type Forecasts struct {
	Views *cycle.Views
	// Claims says which pods may opt in to overcommitment.
	Claims *claims.Policy
}

// predictedPeaks judges nodes by what they will use.
type predictedPeaks struct {
	forecasts Forecasts
	filters   bool
	harm      bool  // scores by it
	heldOut   int32 // percent of the pods, that requests place
	bounds    *cycle.NodeBounds
	rule      *verdict.Rule
}

// reasons a node is refused for, and states a cycle's verdicts are of.
var peakReasons = [forecast.NumResources]string{
	forecast.CPU:    "Predicted peak of cpu too high",
	forecast.Memory: "Predicted peak of memory too high",
}

// newPredictedPeaks returns nil where predictions do not count.
func newPredictedPeaks(args *config.PredictedPeak, forecasts Forecasts, h fwk.Handle) *predictedPeaks {
	if args.Mode == config.PredictedPeakNone || !forecasts.Views.Predicts() {
		return nil
	}
	report := func(node *v1.Node, err error) {
		h.EventRecorder().Eventf(node, nil, v1.EventTypeWarning, "InvalidAnnotation", "Scheduling", "%v", err)
	}
	return &predictedPeaks{
		forecasts: forecasts,
		filters:   args.Mode == config.PredictedPeakFilter,
		harm:      args.Score == config.ScoreByHarm,
		heldOut:   args.HeldOutPercent,
		bounds:    cycle.NewNodeBounds(cycle.BoundsOf(args.Max), report),
		rule:      forecasts.Views.Verdicts.Rule(h, Name),
	}
}

// peakState in the cycle state is one view and one pod. Nothing changes it.
type peakState struct {
	view cycle.View
	// verdict refuses nodes; nil refuses none. overcommit says that they are refused where the upper bound passes, not only
	// where the lower one does.
	verdict    *verdict.Cycle
	overcommit bool
	// harm says that known nodes are scored by what they will suffer.
	harm   bool
	bounds *cycle.NodeBounds
}

// Prediction tells the node index what nodes are judged by.
func (s *peakState) Prediction() *cycle.Prediction {
	return &cycle.Prediction{
		View: s.view, Bounds: s.bounds, Filters: s.verdict != nil, Overcommits: s.overcommit, Counts: forecast.Set{true, true}, Harm: s.harm,
	}
}

// Clone shares the state. Pods that preemption adds or removes are in the NodeInfo, whose
// sums follow them.
func (s *peakState) Clone() fwk.StateData { return s }

// take writes the cycle's view, where there is one. It returns a status other than success
// for a pod whose annotation does not parse.
func (p *predictedPeaks) take(state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	overcommit, err := claims.Overcommits(pod.Annotations)
	if err == nil {
		err = forecast.CheckStated(pod)
	}
	if err != nil {
		p.rule.TryAgain(pod)
		return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, err.Error())
	}
	overcommit = overcommit && p.forecasts.Claims.MayOvercommit(pod)
	if p.forecasts.Views.Snapshot(state).Blind() {
		return nil
	}
	p.bounds.Forget(len(nodes))
	if arm := p.arm(pod, overcommit); arm.Chance > 0 {
		arm.Write(state)
		if arm.HeldOut {
			return nil
		}
	}
	s := &peakState{view: p.forecasts.Views.Of(state, pod, len(nodes)), overcommit: overcommit, harm: p.harm, bounds: p.bounds}
	if p.filters || overcommit { // Who overcommits asked for it.
		s.verdict = p.rule.Begin(state, pod, nodes, overcommit, func(n fwk.NodeInfo) bool { return p.judge(state, s, n).over.Any() })
	}
	state.Write(peakStateKey, s)
	return nil
}

// arm of the comparison that the pod is in, if in any: the pods of DaemonSets have no choice, and who opted in to overcommitment
// cannot be placed by requests.
func (p *predictedPeaks) arm(pod *v1.Pod, overcommits bool) cycle.Arm {
	if p.heldOut == 0 || overcommits || forecast.IsDaemon(pod) {
		return cycle.Arm{}
	}
	return cycle.ArmOf(pod.UID, p.heldOut)
}

// judgement of one node.
type judgement struct {
	peaks forecast.Intervals
	// known is false where requests decide.
	known bool
	// over says which bound the peak passes: for refusing, see peakState.overcommit, and
	// scoreless says that the upper bound of any does.
	over      forecast.Set
	scoreless bool
	// forGood says that it would with all pods of the node gone.
	forGood bool
}

// judge compares the node's predicted peak with the pod to its bounds.
func (p *predictedPeaks) judge(state fwk.CycleState, s *peakState, node fwk.NodeInfo) (v judgement) {
	bounds := p.bounds.Of(state, node)
	if bounds.Off {
		return v
	}
	peaks, predicted := s.view.Peaks(state, node)
	if predicted.Rung == forecast.Blind && !s.overcommit {
		return v
	}
	v.peaks, v.known = peaks, predicted.Rung != forecast.Blind
	if !s.overcommit { // Who overcommits is judged by pods' forecasts where nothing is known of the node.
		bounds = bounds.Without(predicted.Lacks)
	}
	allocatable := forecast.AllocatableOf(node)
	v.scoreless = bounds.Over(forecast.Upper(peaks), allocatable).Any()
	v.over = bounds.Over(s.decisive(peaks), allocatable)
	v.forGood = v.over.Any() && bounds.Over(s.decisive(s.view.Alone(node)), allocatable).Any()
	return v
}

// score says how little the node will suffer with the pod, and whether that is known; else requests decide.
func (p *predictedPeaks) score(state fwk.CycleState, s *peakState, node fwk.NodeInfo) (score int64, known bool) {
	bounds := p.bounds.Of(state, node)
	if bounds.Off || s.view.Loads.Of(state, s.view.Snapshot, node).Forecast.Rung == forecast.Blind {
		return 0, false
	}
	return int64(s.view.Score(state, node, &bounds)), true
}

// decisive is the end of the interval that refuses a node: the lower one refuses only who
// is surely over, and who overcommits is to stay surely under.
func (s *peakState) decisive(peaks forecast.Intervals) forecast.Amounts {
	if s.overcommit {
		return forecast.Upper(peaks)
	}
	return forecast.Lower(peaks)
}

// filter refuses a node whose predicted peak passes a bound.
func (p *predictedPeaks) filter(state fwk.CycleState, pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	s := peakStateIn(state)
	if s == nil || s.verdict == nil {
		return nil
	}
	v := p.judge(state, s, node)
	var reasons []string
	for r, over := range v.over {
		if over {
			reasons = append(reasons, peakReasons[r])
		}
	}
	if reasons == nil {
		return nil
	}
	return s.verdict.Refuse(pod, v.forGood, reasons...)
}

// sign returns what the judgement of a pod depends on beyond its requests.
func (p *predictedPeaks) sign(pod *v1.Pod) fwk.SignFragment {
	predicted := p.forecasts.Views.Newest().Pod(pod)
	overcommit, err := claims.Overcommits(pod.Annotations)
	overcommit = overcommit && p.forecasts.Claims.MayOvercommit(pod)
	return fwk.SignFragment{Key: "foresight-scheduler.dev/predicted-peak", Value: []any{
		predicted.Peaks, predicted.Horizon(), overcommit, err != nil, forecast.IsDaemon(pod), p.arm(pod, overcommit).HeldOut,
	}}
}

// peakStateIn is nil where nothing was predicted when the cycle began.
func peakStateIn(state fwk.CycleState) *peakState {
	return cyclestate.Of[*peakState](state, peakStateKey)
}
