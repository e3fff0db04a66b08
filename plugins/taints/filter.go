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

// ErrReasonPressure is the reason a node is refused for predicted pressure.
const ErrReasonPressure = "node(s) had predicted pressure that the pod didn't tolerate"

const stateKey = cycle.PressureState

// pressureState is the cycle's one view of pressure, and what of it this pod tolerates.
type pressureState struct {
	pressure    Pressure
	untolerated Resources
	verdict     *verdict.Cycle // refuses nodes; nil only scores them
}

// Clone shares the state: nothing changes it. Pods that preemption adds or removes are
// in the NodeInfo that the view is asked about.
func (s *pressureState) Clone() fwk.StateData { return s }

// Prediction tells the node index what pressure is predicted by, where forecasts do.
func (s *pressureState) Prediction() *cycle.Prediction {
	p, ok := s.pressure.(*forecastPressure)
	if !ok {
		return nil
	}
	return &cycle.Prediction{View: p.view, Bounds: p.bounds, Filters: s.verdict != nil, Counts: forecast.Set{
		forecast.CPU: s.untolerated&CPU != 0, forecast.Memory: s.untolerated&Memory != 0,
	}}
}

// PreFilter asks upstream and takes the cycle's view of predicted pressure.
func (t *Taints) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	result, status := t.tolerations.PreFilter(ctx, state, pod, nodes)
	if status.IsSuccess() {
		t.takeView(ctx, state, pod, nodes)
	}
	return result, status
}

// takeView writes the cycle's view where there is pressure that the pod does not tolerate.
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
		// Without the comparison operators: the taint's values are no numbers.
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

// Filter refuses a node that upstream refuses, or, where pressure has the effect
// NoSchedule, one that is predicted to run short of something the pod does not tolerate.
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
