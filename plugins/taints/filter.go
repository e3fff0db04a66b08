// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints

import (
	"context"

	v1 "k8s.io/api/core/v1"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// ErrReasonPressure is the reason for which a node is refused because of predicted pressure.
const ErrReasonPressure = "node(s) had predicted pressure that the pod didn't tolerate"

const stateKey = cycle.PressureState

// pressureState is the cycle's view of pressure, and the pressure that the pod does not tolerate.
type pressureState struct {
	pressure    Pressure
	untolerated Resources
	verdict     *verdict.Cycle // refuses nodes; nil only scores them
}

// Clone returns the same state, since nothing changes it. Pods that preemption adds or removes are
// in the NodeInfo about which the view is asked.
func (s *pressureState) Clone() fwk.StateData { return s }

// Prediction returns the prediction of pressure for the node index, or nil if pressure does not
// come from forecasts.
func (s *pressureState) Prediction() *cycle.Prediction {
	p, ok := s.pressure.(*forecastPressure)
	if !ok {
		return nil
	}
	return &cycle.Prediction{View: p.view, Bounds: p.bounds, Filters: s.verdict != nil, Counts: forecast.Set{
		forecast.CPU: s.untolerated&CPU != 0, forecast.Memory: s.untolerated&Memory != 0,
	}}
}

// PreFilter runs upstream's PreFilter and stores the cycle's view of predicted pressure.
func (t *Taints) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	result, status := t.tolerations.PreFilter(ctx, state, pod, nodes)
	if status.IsSuccess() {
		t.takeView(ctx, state, pod, nodes)
	}
	return result, status
}

// takeView writes the cycle's view to its state if there can be pressure that the pod does not
// tolerate.
func (t *Taints) takeView(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) {
	if t.pressure == nil {
		return
	}
	view := t.pressure(state, pod, len(nodes))
	if view == nil {
		return
	}
	logger := klog.FromContext(ctx)
	s := &pressureState{pressure: view}
	for i := range t.byResource {
		r := &t.byResource[i]
		// Without comparison operators, since the taint's values are not numbers.
		if !v1helper.TolerationsTolerateTaint(logger, pod.Spec.Tolerations, &r.taint, false) {
			s.untolerated |= r.resource
		}
	}
	if s.untolerated == 0 {
		return
	}
	if t.refuses() {
		over := func(n fwk.NodeInfo) bool { return view.On(state, n)&s.untolerated != 0 }
		if s.verdict = t.rule.Begin(state, pod, nodes, false, over); s.verdict == nil {
			return // What may refuse no node says nothing of any: it does not score.
		}
	}
	state.Write(stateKey, s)
}

// PreFilterExtensions returns nil: see pressureState.Clone.
func (t *Taints) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// Filter refuses a node if upstream does. If pressure has the effect NoSchedule, it also refuses a
// node that is predicted to run short of a resource whose pressure the pod does not tolerate.
func (t *Taints) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) *fwk.Status {
	if status := t.tolerations.Filter(ctx, state, pod, nodeInfo); !status.IsSuccess() {
		return status
	}
	s := stateIn(state)
	if s == nil || s.verdict == nil || s.pressure.On(state, nodeInfo)&s.untolerated == 0 {
		return nil
	}
	return s.verdict.Refuse(pod, s.pressure.Lasts(state, nodeInfo)&s.untolerated != 0, ErrReasonPressure)
}

// untolerated returns the pressure on the node that the pod does not tolerate.
func (t *Taints) untolerated(state fwk.CycleState, nodeInfo fwk.NodeInfo) Resources {
	if t.pressure == nil {
		return 0
	}
	s := stateIn(state)
	if s == nil {
		return 0 // Nothing was predicted when the cycle began.
	}
	return s.pressure.On(state, nodeInfo) & s.untolerated
}

func stateIn(state fwk.CycleState) *pressureState {
	return cyclestate.Of[*pressureState](state, stateKey)
}
