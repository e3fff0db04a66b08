// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package qos places pods by the quality of service that they are predicted to get. It scores nodes
// by the harm of a placement, which is the risk of the pod plus the loss of its neighbours. It
// refuses nodes where even the lower bound of the risk is too high. It learns from the outcomes of
// its own decisions.
package qos

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	schedulinglisters "k8s.io/client-go/listers/scheduling/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Name of the plugin in a KubeSchedulerConfiguration.
const Name = config.PredictedQoSName

// PredictedQoS is the plugin of one profile.
type PredictedQoS struct {
	service *Service
	handle  fwk.Handle
	rule    *verdict.Rule
	classes schedulinglisters.PriorityClassLister
	pods    corelisters.PodLister
	claims  *claims.Policy
	nodes   pernode.Whole
	profile string
	maxRisk float32 // 0–1; 1 refuses nobody
	// fromModel is true if nodes are scored and refused only while a model judges.
	fromModel bool
	weights   [objective.Count]float32
	named     int // nodes up to which metrics name them
	// responseTime is the objective of latency pods that state none. If 0, they have none.
	responseTime time.Duration
	rules        objective.Rules

	feedback *feedback.Loop

	frame    atomic.Pointer[frame] // that serves, of the last cycle's snapshot
	next     atomic.Pointer[frame] // of a newer snapshot or judge; nil where there is none
	places   judge.Rows[int32]     // in the frame's rows, of what the node index asks about
	stale    chan struct{}         // holds one when the frames are known to be old
	renewing sync.Mutex

	exported atomic.Pointer[classes]
	round    round
}

var (
	_ fwk.PreFilterPlugin   = &PredictedQoS{}
	_ fwk.FilterPlugin      = &PredictedQoS{}
	_ fwk.PreScorePlugin    = &PredictedQoS{}
	_ fwk.ScorePlugin       = &PredictedQoS{}
	_ fwk.ReservePlugin     = &PredictedQoS{}
	_ fwk.PostBindPlugin    = &PredictedQoS{}
	_ fwk.SignPlugin        = &PredictedQoS{}
	_ fwk.EnqueueExtensions = &PredictedQoS{}
)

// NewFactory returns the factory of plugins that read the service's snapshots and report to it.
// Each plugin learns from its own profile's decisions until its context ends.
func NewFactory(service *Service) func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) {
	return func(ctx context.Context, obj runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		args, err := config.As[*config.PredictedQoSArgs](obj)
		if err != nil {
			return nil, err
		}
		if err := config.ValidatePredictedQoSArgs(config.ArgsPath(Name), args).ToAggregate(); err != nil {
			return nil, err
		}
		p := &PredictedQoS{
			service: service, rule: service.views.Verdicts.Rule(h, Name), claims: service.claims, nodes: pernode.WholeOf(h), handle: h, profile: h.ProfileName(),
			maxRisk: float32(args.MaxRiskPercent) / 100, fromModel: args.ScoreFrom == config.QoSFromModel, weights: weightsOf(&args.Weights), named: int(args.NodeMetricsLimit),
			responseTime: args.Feedback.ResponseTimeObjective.Duration, rules: objective.RulesOf(args.Objectives),
		}
		if f := h.SharedInformerFactory(); f != nil {
			p.classes = f.Scheduling().V1().PriorityClasses().Lister()
			p.pods = f.Core().V1().Pods().Lister()
		}
		p.feedback = feedback.New(ctx, args, service.now)
		p.stale = make(chan struct{}, 1)
		p.frame.Store(p.newFrame(service.views.Newest()))
		if err := p.listen(ctx); err != nil {
			return nil, err
		}
		service.add(ctx, p)
		service.views.Await(ctx, p.isReady)
		go p.run(ctx)
		go service.views.Retry(ctx, h)
		service.running.Go(func() {
			p.feedback.Run(ctx, func(was, is *feedback.Judge) { p.judged(klog.FromContext(ctx), was, is) })
		})
		return p, nil
	}
}

// Name returns the name of the plugin.
func (p *PredictedQoS) Name() string { return Name }

func weightsOf(w *config.QoSWeights) [objective.Count]float32 {
	return [objective.Count]float32{
		objective.Latency: float32(w.Latency), objective.Realtime: float32(w.Realtime),
		objective.Availability: float32(w.Availability), objective.Batch: float32(w.Batch),
	}
}

// objectiveOf returns the objective that the operator's rule states for the pod, otherwise that of
// objective.Of.
func (p *PredictedQoS) objectiveOf(pod *v1.Pod) objective.Objective {
	if len(p.rules) > 0 {
		if rule := p.rules.For(pod); rule != nil && rule.Stated {
			return rule.Objective
		}
	}
	return objective.Of(pod, p.classes, p.claims)
}

// workload returns the name under which a pod's history is kept: its controller, or its objective
// if it has none.
func workload(pod *v1.Pod, o objective.Objective) string {
	if w, ok := forecast.WorkloadOf(pod); ok {
		return w.Namespace + "/" + w.Kind + "/" + w.Name
	}
	return o.String()
}
