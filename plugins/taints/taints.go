// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package taints is upstream's TaintToleration plus predicted pressure. A node whose predicted peak
// is too high counts as having the taint foresight-scheduler.dev/predicted-pressure=<resource>. The
// taint is not written to the node, and pods tolerate it in the usual way.
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
	// PressureTaint is the key of the taint that predicted pressure counts as. Its value is the
	// resource that will run short.
	PressureTaint = "foresight-scheduler.dev/predicted-pressure"
)

// Pressure predicts which nodes will run short of a resource. It is an immutable view: asked twice
// about the same NodeInfo, it gives the same answer.
type Pressure interface {
	// On returns the resources that the node, with the pods it has, is predicted to run short of.
	// It is called for every node in every cycle, by several goroutines at once, and must not
	// allocate, block or log.
	On(state fwk.CycleState, node fwk.NodeInfo) Resources
	// Lasts returns the resources that the node would run short of even without its pods, where no
	// eviction helps. It is called for nodes that On says are short of something.
	Lasts(state fwk.CycleState, node fwk.NodeInfo) Resources
}

// PressureReader returns the cycle's view for a pod, given the number of nodes, or nil while
// nothing is predicted. It is called once a cycle, so that every node is judged by the same view.
type PressureReader func(state fwk.CycleState, pod *v1.Pod, nodes int) Pressure

// PressureSource makes the reader of a profile from its args.
type PressureSource func(*config.PredictedPressure) PressureReader

// Resources is a set of resources.
type Resources uint8

// CPU and Memory are the resources for which pressure is predicted.
const (
	CPU Resources = 1 << iota
	Memory
)

// Taints is upstream's TaintToleration with predicted pressure.
type Taints struct {
	tolerations *tainttoleration.TaintToleration
	pressure    PressureReader
	nodes       pernode.Whole
	effect      v1.TaintEffect
	rule        *verdict.Rule
	// byResource holds the taint of each resource.
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

// NewFactory returns the factory of a plugin that reads pressure from source. If source is nil, no
// pressure is predicted, which leaves exactly upstream's plugin. Pods that were refused because of
// pressure are tried again with new forecasts of views; if views is nil, they are not. The factory
// takes *config.TaintsArgs and returns an error that names the invalid field.
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

// SignPod returns upstream's fragments and, if pressure is predicted, the pod's workload, since how
// long it runs determines how far ahead pressure counts. Tolerations are in upstream's fragments.
func (t *Taints) SignPod(ctx context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	fragments, status := t.tolerations.SignPod(ctx, pod)
	if status.IsSuccess() && t.pressure != nil {
		workload, _ := forecast.WorkloadOf(pod)
		fragments = append(fragments, fwk.SignFragment{Key: "foresight-scheduler.dev/workload", Value: []any{workload, pod.Spec.ActiveDeadlineSeconds}})
	}
	return fragments, status
}

// EventsToRegister returns upstream's events and, if pressure can refuse nodes, the events that may
// end such a refusal.
func (t *Taints) EventsToRegister(ctx context.Context) ([]fwk.ClusterEventWithHint, error) {
	events, err := t.tolerations.EventsToRegister(ctx)
	if err == nil && t.refuses() {
		events = append(events, t.rule.Events()...)
	}
	return events, err
}

// refuses reports whether predicted pressure can refuse a node, not only lower its score.
func (t *Taints) refuses() bool { return t.pressure != nil && t.effect == v1.TaintEffectNoSchedule }
