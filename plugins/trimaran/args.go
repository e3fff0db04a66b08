// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trimaran has the load-aware scores of sigs.k8s.io/scheduler-plugins –
// TargetLoadPacking, LoadVariationRiskBalancing, LowRiskOverCommitment and Peaks – on
// Foresight's usage data. The plugins have the same names and take the same args, so an
// existing KubeSchedulerConfiguration loads unchanged; the formulas are the published ones.
// No load-watcher is asked: see Usage.
//
// All of them share that utilization is of a node's allocatable, that pods which the newest
// sample cannot show count with their expected use, that a node with a newest sample older
// than Options.Expiry counts as unknown, and that a node with none of a resource scores 0.
package trimaran

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"
	schedulerpluginsv1 "sigs.k8s.io/scheduler-plugins/apis/config/v1"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
)

// Names of the plugins in a KubeSchedulerConfiguration.
const (
	TargetLoadPackingName          = "TargetLoadPacking"
	LoadVariationRiskBalancingName = "LoadVariationRiskBalancing"
	LowRiskOverCommitmentName      = "LowRiskOverCommitment"
	PeaksName                      = "Peaks"
)

// All that kube-scheduler asks of a score plugin, with batching left on.
var (
	_ = []fwk.PreScorePlugin{&TargetLoadPacking{}, &LoadVariationRiskBalancing{}, &LowRiskOverCommitment{}, &Peaks{}}
	_ = []fwk.ScorePlugin{&TargetLoadPacking{}, &LoadVariationRiskBalancing{}, &LowRiskOverCommitment{}, &Peaks{}}
	_ = []fwk.SignPlugin{&TargetLoadPacking{}, &LoadVariationRiskBalancing{}, &LowRiskOverCommitment{}, &Peaks{}}
	_ = fwk.ScoreExtensions(&Peaks{})
)

// Factory makes a plugin from scheduler-plugins' internal args. It returns an error that
// names the field that is not valid.
type Factory = func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error)

// Factories returns the factories of the four plugins by name.
func Factories(opts Options) map[string]Factory {
	return map[string]Factory{
		TargetLoadPackingName:          factory(TargetLoadPackingName, opts, newTargetLoadPacking),
		LoadVariationRiskBalancingName: factory(LoadVariationRiskBalancingName, opts, newLoadVariationRiskBalancing),
		LowRiskOverCommitmentName:      factory(LowRiskOverCommitmentName, opts, newLowRiskOverCommitment),
		PeaksName:                      factory(PeaksName, opts, newPeaks),
	}
}

// factory hands a plugin its args, which are its own: nothing is kept per package.
func factory[Args runtime.Object](name string, opts Options, newPlugin func(context.Context, Args, Options) (fwk.Plugin, error)) Factory {
	return func(ctx context.Context, obj runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
		args, err := config.As[Args](obj)
		if err != nil {
			return nil, err
		}
		if opts.Usage == nil {
			klog.FromContext(ctx).Info("Warning: no usage is collected, so all nodes are alike to the plugin", "plugin", name)
		}
		opts := opts
		opts.nodes = pernode.WholeOf(h)
		return newPlugin(ctx, args, opts)
	}
}

// AddToScheme registers the args of the four plugins, their defaults and conversions. Call
// it on both of kube-scheduler's schemes: the one that decodes the file, strictly, and the
// one that defaults and converts plugin args.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(schedulerplugins.SchemeGroupVersion,
		&schedulerplugins.TargetLoadPackingArgs{}, &schedulerplugins.LoadVariationRiskBalancingArgs{},
		&schedulerplugins.LowRiskOverCommitmentArgs{}, &schedulerplugins.PeaksArgs{})
	s.AddKnownTypes(schedulerpluginsv1.SchemeGroupVersion,
		&schedulerpluginsv1.TargetLoadPackingArgs{}, &schedulerpluginsv1.LoadVariationRiskBalancingArgs{},
		&schedulerpluginsv1.LowRiskOverCommitmentArgs{}, &schedulerpluginsv1.PeaksArgs{})
	if err := schedulerpluginsv1.RegisterDefaults(s); err != nil {
		return err
	}
	return schedulerpluginsv1.RegisterConversions(s)
}

// invalid names the field and what it must be.
func invalid(plugin, name string, value any, must string) error {
	return field.Invalid(config.ArgsPath(plugin).Child(name), value, "must be "+must)
}

// warnOfSource says, once for each plugin that is made, that no load-watcher is asked. A
// provider of the default type may be nothing but the default. It does not log the
// provider's token.
func warnOfSource(ctx context.Context, plugin string, spec schedulerplugins.TrimaranSpec) {
	p := spec.MetricProvider
	provided := p.Address != "" || p.Token != "" || (p.Type != "" && p.Type != schedulerplugins.KubernetesMetricsServer)
	if spec.WatcherAddress == "" && !provided {
		return
	}
	klog.FromContext(ctx).Info("Warning: watcherAddress and metricProvider are ignored, node usage comes from Foresight's own sources",
		"plugin", plugin, "watcherAddress", spec.WatcherAddress, "metricProviderType", p.Type, "metricProviderAddress", p.Address)
}
