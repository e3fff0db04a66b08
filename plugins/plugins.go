// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plugins is the public door to Foresight's scheduling plugins. It names the plugins, adds
// their args to kube-scheduler's configuration scheme, and returns a registry that any scheduler
// binary can embed.
package plugins

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	kubeschedulerv1 "k8s.io/kubernetes/pkg/scheduler/apis/config/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
	"github.com/foresight-scheduler/foresight/plugins/trimaran"
)

// Options are what the plugins need beyond their args. The zero value is usable.
type Options struct {
	// Engine is the source of forecasts for nodes and pods. If nil, there are none.
	Engine *learn.Engine
	// QoS is the state that the PredictedQoS plugins of all profiles share. All plugins judge by
	// its views. If nil, the registry makes a service of its own that reads Engine.
	QoS *qos.Service
	// Judges collects every plugin that the registry makes, by profile, for nodeindex.Install. If
	// nil, none is collected.
	Judges *judge.Plugins
	// Claims is the policy of what pods may claim at the expense of other pods. If nil, no such
	// claim is allowed.
	Claims *claims.Policy
	// NoPrediction declares that Engine is nil on purpose. If it is false and Engine is nil, the
	// first plugin made that reads forecasts logs a warning. Package suite makes the Engine that a
	// configuration asks for.
	NoPrediction bool
	// Uncounted marks plugins that are only queried and place no pods. A nil Engine then causes no
	// warning.
	Uncounted bool
}

// Registry returns the factories of all plugins by name, for app.WithPlugin or
// scheduler.WithFrameworkOutOfTreeRegistry. It also registers the plugins' args with
// kube-scheduler's configuration scheme, so call it before a KubeSchedulerConfiguration is read.
// Feature gates are read when a plugin is made, not when Registry is called.
func Registry(opts Options) frameworkruntime.Registry {
	RegisterArgs()
	views := viewsOf(opts)
	registry := frameworkruntime.Registry{
		affinity.Name:    withFeatures(affinity.New),
		resourcefit.Name: withFeatures(resourcefit.NewFactory(resourcefit.Forecasts{Views: views, Claims: opts.Claims})),
		taints.Name:      withFeatures(taints.NewFactory(taints.Forecasts(views), views)),
		qos.Name:         qos.NewFactory(qosService(opts, views)),
	}
	for name, factory := range trimaran.Factories(trimaranOptions(opts.Engine, views)) {
		registry[name] = factory
	}
	warn := func(context.Context, string) {}
	if opts.Engine == nil && !opts.NoPrediction && !opts.Uncounted {
		var once sync.Once
		warn = func(ctx context.Context, plugin string) { once.Do(func() { warnOfNoPrediction(ctx, plugin) }) }
	}
	for name, factory := range registry {
		registry[name] = noted(factory, opts, warn)
	}
	return registry
}

func warnOfNoPrediction(ctx context.Context, plugin string) {
	klog.FromContext(ctx).Info("Warning: nobody predicts, whatever the args of Prediction say: plugins.Options has no Engine. "+
		"Package plugins/suite makes the one that a configuration asks for", "firstPluginThatWouldReadForecasts", plugin)
}

// predicts reports whether a plugin with these args reads forecasts.
func predicts(args runtime.Object) bool {
	switch args := args.(type) {
	case *config.TaintsArgs:
		return len(args.PredictedPressure.Max) > 0
	case *config.ResourceFitArgs:
		return args.PredictedPeak.Mode != config.PredictedPeakNone
	case *config.AffinityArgs:
		return false
	}
	return true // PredictedQoS and Trimaran's do nothing else.
}

// noted wraps a factory. Each plugin made is added to opts.Judges, and a plugin that reads
// forecasts calls warn. Before that, opts.Claims gets the informer factory to watch namespaces.
func noted(factory frameworkruntime.PluginFactory, opts Options, warn func(context.Context, string)) frameworkruntime.PluginFactory {
	return func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		opts.Claims.Watch(h.SharedInformerFactory())
		plugin, err := factory(ctx, args, h)
		if err == nil {
			opts.Judges.Add(h.ProfileName(), plugin)
			if predicts(args) {
				warn(ctx, plugin.Name())
			}
		}
		return plugin, err
	}
}

// viewsOf returns the views that all plugins of a registry judge by: those of opts.QoS if set,
// otherwise new views of the Engine.
func viewsOf(opts Options) *cycle.Views {
	if opts.QoS != nil {
		return opts.QoS.Views()
	}
	return cycle.NewViews(opts.Engine.Reader())
}

func qosService(opts Options, views *cycle.Views) *qos.Service {
	if opts.QoS != nil {
		return opts.QoS
	}
	return qos.NewService(views, opts.Claims).Untold()
}

func trimaranOptions(e *learn.Engine, views *cycle.Views) trimaran.Options {
	if e == nil {
		return trimaran.Options{}
	}
	return trimaran.Options{
		Expiry: e.Expiry(),
		Now:    e.Now,
		Usage: func(state fwk.CycleState) trimaran.Usage {
			if s := views.Snapshot(state); s != nil {
				return s
			}
			return nil
		},
	}
}

// withFeatures wraps a factory so that it reads the feature gates when the plugin is made. When a
// binary asks for the registry, its flags, and so the gates, are not yet parsed.
func withFeatures(factory frameworkruntime.PluginFactoryWithFts[fwk.Plugin]) frameworkruntime.PluginFactory {
	return func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		return factory(ctx, args, h, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	}
}

// RegisterArgs adds Foresight's args to the two schemes that kube-scheduler keeps: one reads the
// configuration file, the other converts versioned args into internal ones. Both schemes are global
// to the process, so only the first call has an effect. Registry calls it. If a configuration is
// read before Registry is called, call RegisterArgs earlier.
var RegisterArgs = sync.OnceFunc(func() {
	for _, s := range []*runtime.Scheme{scheme.Scheme, kubeschedulerv1.GetPluginArgConversionScheme()} {
		utilruntime.Must(config.AddToScheme(s))
		utilruntime.Must(configv1.AddToScheme(s))
		utilruntime.Must(trimaran.AddToScheme(s))
	}
})
