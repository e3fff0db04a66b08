// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resourcefit is upstream's NodeResourcesFit and NodeResourcesBalancedAllocation in one
// plugin, with two additions. A guard bounds the sum of limits relative to a node's allocatable,
// which decides how badly a node can be overrun. Predicted peaks score nodes, and on request refuse
// them, by their future use.
package resourcefit

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	configv1 "k8s.io/kubernetes/pkg/scheduler/apis/config/v1"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit/limits"
)

// Name of the plugin in a KubeSchedulerConfiguration.
const Name = config.ResourceFitName

// ResourceFit composes upstream's NodeResourcesFit and NodeResourcesBalancedAllocation
// with a guard on limits and with predicted peaks.
type ResourceFit struct {
	fit *noderesources.Fit
	// balanced is nil if its weight is 0.
	balanced       *noderesources.BalancedAllocation
	balancedWeight int64
	podLevel       bool // requests of pods as a whole count
	scoresClaims   func() bool
	// unprepared is used if a profile leaves PreScore out. Upstream's plugins then compute in each
	// Score what they need.
	unprepared *scoreState
	// guard is nil if it is off.
	guard *limits.Guard
	// peaks is nil if predictions do not count.
	peaks *predictedPeaks
	nodes pernode.Whole
}

var (
	_ fwk.PreFilterPlugin      = &ResourceFit{}
	_ fwk.FilterPlugin         = &ResourceFit{}
	_ fwk.PreScorePlugin       = &ResourceFit{}
	_ fwk.ScorePlugin          = &ResourceFit{}
	_ fwk.EnqueueExtensions    = &ResourceFit{}
	_ fwk.SignPlugin           = &ResourceFit{}
	_ fwk.PlacementScorePlugin = &ResourceFit{}
)

// NewFactory returns the factory of a plugin that reads forecasts. Without any, requests alone
// decide. The factory takes *config.ResourceFitArgs, and returns an error that names the invalid
// field if they are not valid.
func NewFactory(forecasts Forecasts) func(context.Context, runtime.Object, fwk.Handle, feature.Features) (fwk.Plugin, error) {
	return func(ctx context.Context, obj runtime.Object, h fwk.Handle, fts feature.Features) (fwk.Plugin, error) {
		return newPlugin(ctx, obj, h, fts, forecasts)
	}
}

func newPlugin(ctx context.Context, obj runtime.Object, h fwk.Handle, fts feature.Features, forecasts Forecasts) (fwk.Plugin, error) {
	args, err := config.As[*config.ResourceFitArgs](obj)
	if err != nil {
		return nil, err
	}
	path := config.ArgsPath(Name)
	if err := config.ValidateResourceFitArgs(path, args).ToAggregate(); err != nil {
		return nil, err
	}
	fitArgs, err := fitArgsOf(args)
	if err != nil {
		return nil, err
	}
	if err := validation.ValidateNodeResourcesFitArgs(path, fitArgs); err != nil {
		return nil, err
	}
	fit, err := noderesources.NewFit(ctx, fitArgs, h, fts)
	if err != nil {
		return nil, err
	}
	r := &ResourceFit{
		fit:            fit.(*noderesources.Fit),
		unprepared:     &scoreState{upstream: framework.NewCycleState()},
		balancedWeight: int64(args.BalancedAllocation.Weight),
		podLevel:       fts.EnablePodLevelResources,
		scoresClaims:   scoresClaims(fitArgs.ScoringStrategy.Resources, h, fts),
		guard:          limits.New(&args.LimitsGuard, fts),
		nodes:          pernode.WholeOf(h),
		peaks:          newPredictedPeaks(&args.PredictedPeak, forecasts, h),
	}
	if r.balancedWeight > 0 {
		resources, err := resourcesOf(args.BalancedAllocation.Resources)
		if err != nil {
			return nil, err
		}
		balanced, err := noderesources.NewBalancedAllocation(ctx, &kubeschedulerconfig.NodeResourcesBalancedAllocationArgs{Resources: resources}, h, fts)
		if err != nil {
			return nil, err
		}
		r.balanced = balanced.(*noderesources.BalancedAllocation)
	}
	if r.peaks != nil {
		go forecasts.Views.Retry(ctx, h)
	}
	return r, nil
}

func fitArgsOf(args *config.ResourceFitArgs) (*kubeschedulerconfig.NodeResourcesFitArgs, error) {
	strategy := &kubeschedulerconfig.ScoringStrategy{}
	err := configv1.Convert_v1_ScoringStrategy_To_config_ScoringStrategy(&args.ScoringStrategy, strategy, nil)
	return &kubeschedulerconfig.NodeResourcesFitArgs{
		IgnoredResources:      args.IgnoredResources,
		IgnoredResourceGroups: args.IgnoredResourceGroups,
		ScoringStrategy:       strategy,
	}, err
}

func resourcesOf(in []kubeschedulerv1.ResourceSpec) ([]kubeschedulerconfig.ResourceSpec, error) {
	out := make([]kubeschedulerconfig.ResourceSpec, len(in))
	for i := range in {
		if err := configv1.Convert_v1_ResourceSpec_To_config_ResourceSpec(&in[i], &out[i], nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Name returns the name of the plugin.
func (r *ResourceFit) Name() string { return Name }

// SignPod returns upstream's fragments, the pod's limits if they are guarded, and its forecast if
// it counts.
func (r *ResourceFit) SignPod(ctx context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	fragments, status := r.fit.SignPod(ctx, pod)
	if status.IsSuccess() && r.guard != nil {
		fragments = append(fragments, fwk.SignFragment{Key: "foresight-scheduler.dev/limits", Value: r.guard.Of(pod, false)})
	}
	if status.IsSuccess() && r.peaks != nil {
		fragments = append(fragments, r.peaks.sign(pod))
	}
	return fragments, status
}

// PlacementScoreExtensions returns upstream's result, which is none.
func (r *ResourceFit) PlacementScoreExtensions() fwk.PlacementScoreExtensions {
	return r.fit.PlacementScoreExtensions()
}
