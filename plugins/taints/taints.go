// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package taints is upstream's TaintToleration plus predicted pressure: a node whose
// predicted peak is too high counts as carrying the taint
// foresight-scheduler.dev/predicted-pressure=<resource>, which nobody has to write and
// which pods tolerate in the usual way.
package taints

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/tainttoleration"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const (
	// Name of the plugin in a KubeSchedulerConfiguration.
	Name = config.TaintsName
	// PressureTaint is the key of the taint that predicted pressure counts as; its
	// value is the resource that will run short.
	PressureTaint = "foresight-scheduler.dev/predicted-pressure"
)

// Pressure predicts which nodes will run short of a resource. It is one immutable
// view: asked twice about the same NodeInfo it answers the same.
type Pressure interface {
	// On returns the resources that the node, with the pods it has, is predicted to
	// run short of. It is called for every node in every cycle, by several
	// goroutines at once, and must not allocate, block or log.
	On(state fwk.CycleState, node fwk.NodeInfo) Resources
	// Lasts returns those that it would run short of with all its pods gone, which no eviction cures. It is asked about nodes that
	// On says are short of something.
	Lasts(state fwk.CycleState, node fwk.NodeInfo) Resources
}

// PressureReader returns the cycle's view for a pod in hand, among so many nodes, or nil while nothing is
// predicted. It is called once a cycle, so that every node is judged by one view.
type PressureReader func(state fwk.CycleState, pod *v1.Pod, nodes int) Pressure

// PressureSource makes the reader of a profile from its args.
type PressureSource func(*config.PredictedPressure) PressureReader

// Resources is a set of resources.
type Resources uint8

// The resources that pressure is predicted for.
const (
	CPU Resources = 1 << iota
	Memory
)

// Taints composes upstream's TaintToleration with predicted pressure.
type Taints struct {
	tolerations *tainttoleration.TaintToleration
	pressure    PressureReader
	nodes       pernode.Whole
	effect      v1.TaintEffect
	rule        *verdict.Rule
	// byResource is the taint of each resource, made once.
	byResource [2]resourceTaint
}

type resourceTaint struct {
	resource Resources
	taint    v1.Taint
}

var (
	_ fwk.PreFilterPlugin   = &Taints{}
	_ fwk.FilterPlugin      = &Taints{}
	_ fwk.PreScorePlugin    = &Taints{}
	_ fwk.ScorePlugin       = &Taints{}
	_ fwk.EnqueueExtensions = &Taints{}
	_ fwk.SignPlugin        = &Taints{}
)

// NewFactory returns the factory of a plugin that reads pressure from the given
// source; nil predicts none, which leaves exactly upstream's plugin. Pods that pressure refused are tried again with the forecasts of
// views; nil never has them tried. The factory takes
// *config.TaintsArgs and returns an error that names the field that is not valid.
func NewFactory(source PressureSource, views *cycle.Views) func(context.Context, runtime.Object, fwk.Handle, feature.Features) (fwk.Plugin, error) {
	return func(ctx context.Context, obj runtime.Object, h fwk.Handle, fts feature.Features) (fwk.Plugin, error) {
		args, err := config.As[*config.TaintsArgs](obj)
		if err != nil {
			return nil, err
		}
		if err := config.ValidateTaintsArgs(config.ArgsPath(Name), args).ToAggregate(); err != nil {
			return nil, err
		}
		upstream, err := tainttoleration.New(ctx, nil, h, fts)
		if err != nil {
			return nil, err
		}
		if views == nil {
			views = cycle.NewViews(nil)
		}
		effect := args.PredictedPressure.Effect
		var pressure PressureReader
		if source != nil {
			pressure = source(&args.PredictedPressure)
		}
		taint := func(r Resources, value v1.ResourceName) resourceTaint {
			return resourceTaint{r, v1.Taint{Key: PressureTaint, Value: string(value), Effect: effect}}
		}
		t := &Taints{
			tolerations: upstream.(*tainttoleration.TaintToleration),
			pressure:    pressure,
			nodes:       pernode.WholeOf(h),
			effect:      effect,
			rule:        views.Verdicts.Rule(h, Name),
			byResource:  [2]resourceTaint{taint(CPU, v1.ResourceCPU), taint(Memory, v1.ResourceMemory)},
		}
		if t.refuses() {
			go views.Retry(ctx, h)
		}
		return t, nil
	}
}

// Name returns the name of the plugin.
func (t *Taints) Name() string { return Name }

// SignPod signs what upstream reads, and the pod's workload where pressure is predicted: how
// long it runs says how far ahead pressure counts. Tolerations are in upstream's fragment.
func (t *Taints) SignPod(ctx context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	fragments, status := t.tolerations.SignPod(ctx, pod)
	if status.IsSuccess() && t.pressure != nil {
		workload, _ := forecast.WorkloadOf(pod)
		fragments = append(fragments, fwk.SignFragment{Key: "foresight-scheduler.dev/workload", Value: []any{workload, pod.Spec.ActiveDeadlineSeconds}})
	}
	return fragments, status
}

// EventsToRegister returns upstream's events, and where pressure refuses nodes those that may cure that.
func (t *Taints) EventsToRegister(ctx context.Context) ([]fwk.ClusterEventWithHint, error) {
	events, err := t.tolerations.EventsToRegister(ctx)
	if err == nil && t.refuses() {
		events = append(events, t.rule.Events()...)
	}
	return events, err
}

// refuses says whether predicted pressure can refuse a node, not only score it down.
func (t *Taints) refuses() bool { return t.pressure != nil && t.effect == v1.TaintEffectNoSchedule }
