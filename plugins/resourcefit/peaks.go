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

// OvercommitAnnotation, with the value "true", has a pod placed only where its predicted use leaves
// room, however little it requests. Pods that request less than they use, or nothing, can thus fill
// idle capacity, and no more. The kubelet still admits pods by requests.
const OvercommitAnnotation = "foresight-scheduler.dev/overcommit"

const peakStateKey = cycle.PeaksState

// Forecasts are ResourceFit's sources of forecasts. The zero value has none.
type Forecasts struct {
	Views *cycle.Views
	// Claims tells which pods may opt in to overcommitment.
	Claims *claims.Policy
}

// predictedPeaks judges nodes by their future use.
type predictedPeaks struct {
	forecasts Forecasts
	filters   bool
	harm      bool  // scores by it
	heldOut   int32 // percent of the pods, that requests place
	bounds    *cycle.NodeBounds
	rule      *verdict.Rule
}

// peakReasons are the reasons for which a node is refused.
var peakReasons = [forecast.NumResources]string{
	forecast.CPU:    "Predicted peak of cpu too high",
	forecast.Memory: "Predicted peak of memory too high",
}

// newPredictedPeaks returns nil if predictions do not count.
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

// peakState is kept in the cycle state and holds the view for one pod. Nothing changes it.
type peakState struct {
	view cycle.View
	// verdict refuses nodes; if nil, none is refused. If overcommit is true, a node is refused if
	// the upper bound of its peak is too high, otherwise only if the lower one is.
	verdict    *verdict.Cycle
	overcommit bool
	// harm is true if nodes with a forecast are scored by what they will suffer.
	harm   bool
	bounds *cycle.NodeBounds
}

// Prediction returns the prediction by which nodes are judged, for the node index.
func (s *peakState) Prediction() *cycle.Prediction {
	return &cycle.Prediction{
		View: s.view, Bounds: s.bounds, Filters: s.verdict != nil, Overcommits: s.overcommit, Counts: forecast.Set{true, true}, Harm: s.harm,
	}
}

// Clone returns the same state. Pods that preemption adds or removes are in the NodeInfo, and its
// sums follow them.
func (s *peakState) Clone() fwk.StateData { return s }

// take writes the cycle's view to its state if there is one. For a pod with an annotation that does
// not parse, it returns a status other than success.
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

// arm returns the arm of the comparison that the pod is in, or the zero Arm if it is in none. Pods
// of DaemonSets are in none since they have no choice of node, and pods that opted in to
// overcommitment since they cannot be placed by requests.
func (p *predictedPeaks) arm(pod *v1.Pod, overcommits bool) cycle.Arm {
	if p.heldOut == 0 || overcommits || forecast.IsDaemon(pod) {
		return cycle.Arm{}
	}
	return cycle.ArmOf(pod.UID, p.heldOut)
}

// judgement is the result for one node.
type judgement struct {
	peaks forecast.Intervals
	// known is false if requests decide.
	known bool
	// over holds the resources whose peak exceeds a bound such that the node is refused; see
	// peakState.overcommit. scoreless is true if the upper bound of any resource's peak exceeds its
	// bound.
	over      forecast.Set
	scoreless bool
	// forGood is true if a bound would be exceeded even without the node's pods.
	forGood bool
}

// judge compares the node's predicted peak with the pod to the node's bounds.
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

// score returns the score by what the node will suffer with the pod. It returns false if nothing is
// known of the node; requests then decide.
func (p *predictedPeaks) score(state fwk.CycleState, s *peakState, node fwk.NodeInfo) (score int64, known bool) {
	bounds := p.bounds.Of(state, node)
	if bounds.Off || s.view.Loads.Of(state, s.view.Snapshot, node).Forecast.Rung == forecast.Blind {
		return 0, false
	}
	return int64(s.view.Score(state, node, &bounds)), true
}

// decisive returns the end of the intervals that decides on a refusal. It is the lower end, so that
// only a node surely over its bound is refused. For an overcommitting pod it is the upper end, so
// that the node surely stays under its bound. For example, with a bound of 6.4 cores and a peak of
// 5 to 7 only an overcommitting pod is refused the node.
func (s *peakState) decisive(peaks forecast.Intervals) forecast.Amounts {
	if s.overcommit {
		return forecast.Upper(peaks)
	}
	return forecast.Lower(peaks)
}

// filter refuses a node whose predicted peak exceeds a bound.
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

// sign returns everything besides requests that the judgement of a pod depends on.
func (p *predictedPeaks) sign(pod *v1.Pod) fwk.SignFragment {
	predicted := p.forecasts.Views.Newest().Pod(pod)
	overcommit, err := claims.Overcommits(pod.Annotations)
	overcommit = overcommit && p.forecasts.Claims.MayOvercommit(pod)
	return fwk.SignFragment{Key: "foresight-scheduler.dev/predicted-peak", Value: []any{
		predicted.Peaks, predicted.Horizon(), overcommit, err != nil, forecast.IsDaemon(pod), p.arm(pod, overcommit).HeldOut,
	}}
}

// peakStateIn returns the cycle's peakState, or nil if nothing was predicted when the cycle began.
func peakStateIn(state fwk.CycleState) *peakState {
	return cyclestate.Of[*peakState](state, peakStateKey)
}
