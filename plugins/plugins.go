// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plugins is the public door to Foresight's scheduling plugins: it names
// them, teaches kube-scheduler's configuration their args, and gives a registry that
// any scheduler binary can embed.
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
	// Engine knows what nodes and pods use and will use; nil knows nothing.
	Engine *learn.Engine
	// QoS is what the PredictedQoS plugins of all profiles share, and its views are what all plugins judge by; nil is one of their own that reads
	// the Engine.
	QoS *qos.Service
	// Judges is told of the plugins that are made, for nodeindex.Install; nil is nobody to tell.
	Judges *judge.Plugins
	// Claims says what pods may claim that takes from others; nil allows nothing that does.
	Claims *claims.Policy
	// NoPrediction says that there is no Engine on purpose. Without it and without an Engine, the first plugin that would read
	// forecasts logs that nobody predicts: package suite makes the Engine that a configuration asks for.
	NoPrediction bool
	// Uncounted plugins decide nothing, they are only asked: nobody is warned where none predicts for them.
	Uncounted bool
}

// Registry returns the factories of all plugins by name, for
// app.WithPlugin or scheduler.WithFrameworkOutOfTreeRegistry. It also registers the
// plugins' args with kube-scheduler's configuration scheme, so call it before a
// KubeSchedulerConfiguration is read. The feature gates count as they are set when a
// plugin is made.
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

// predicts says whether a plugin with the args makes something of forecasts.
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

// noted tells judges of the plugins that the factory makes, and the policy where namespaces are. It warns where the plugin
// would read forecasts.
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

// viewsOf are those that all plugins of a registry judge by: the service's, where there is one.
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

// withFeatures reads the feature gates when the plugin is made: they are not yet
// parsed when a binary asks for the registry.
func withFeatures(factory frameworkruntime.PluginFactoryWithFts[fwk.Plugin]) frameworkruntime.PluginFactory {
	return func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		return factory(ctx, args, h, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate))
	}
}

// RegisterArgs adds our args to the two schemes kube-scheduler keeps: one reads the
// configuration file, the other turns versioned args into internal ones. Both belong
// to upstream and to the process, hence once. Registry calls it; a configuration that is
// read before needs it earlier.
var RegisterArgs = sync.OnceFunc(func() {
	for _, s := range []*runtime.Scheme{scheme.Scheme, kubeschedulerv1.GetPluginArgConversionScheme()} {
		utilruntime.Must(config.AddToScheme(s))
		utilruntime.Must(configv1.AddToScheme(s))
		utilruntime.Must(trimaran.AddToScheme(s))
	}
})
