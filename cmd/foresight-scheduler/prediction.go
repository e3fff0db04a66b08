// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/engine"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/metricsapi"
)

// predictionName is where the engine's args stand in a pluginConfig.
const predictionName = "Prediction"

// newEngine returns the engine that the configuration asks for, or nil where it asks for
// none.
func newEngine(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*engine.Engine, error) {
	var args *config.PredictionArgs
	for i := range cfg.Profiles {
		for _, pc := range cfg.Profiles[i].PluginConfig {
			if pc.Name != predictionName {
				continue
			}
			if args != nil {
				return nil, fmt.Errorf("profiles[%d].pluginConfig[%s]: the engine is configured already; it is one for all profiles", i, predictionName)
			}
			var ok bool
			if args, ok = pc.Args.(*config.PredictionArgs); !ok {
				return nil, fmt.Errorf("want args to be of type PredictionArgs, got %T", pc.Args)
			}
		}
	}
	if args == nil || args.Usage.Source == config.UsageFromNowhere {
		return nil, nil
	}
	if err := config.ValidatePredictionArgs(config.ArgsPath(predictionName), args).ToAggregate(); err != nil {
		return nil, err
	}
	return engine.New(args.Usage, clock.RealClock{}), nil
}

// startEngine lets the engine collect until ctx ends. Every replica collects, so that a
// new leader knows what the old one knew.
func startEngine(ctx context.Context, e *engine.Engine, c *schedulerserverconfig.CompletedConfig) error {
	source, err := metricsapi.NewForConfig(c.KubeConfig)
	if err != nil {
		return err
	}
	legacyregistry.CustomMustRegister(engine.NewMetrics(e))
	nodes := c.InformerFactory.Core().V1().Nodes().Lister()
	go func() {
		if err := e.Run(ctx, source, machines(nodes)); err != nil {
			klog.FromContext(ctx).Error(err, "The engine did not start; nothing is known of what nodes use")
		}
	}()
	return nil
}

// machines tells the sizes of nodes from the informer's cache.
func machines(nodes corelisters.NodeLister) usage.Machines {
	return func(name string) (usage.Machine, bool) {
		if name != "" {
			n, err := nodes.Get(name)
			if err != nil {
				return usage.Machine{}, false
			}
			return usage.MachineOf(n), true
		}
		all, err := nodes.List(labels.Everything())
		if err != nil || len(all) == 0 {
			return usage.Machine{}, false
		}
		var largest usage.Machine
		for _, n := range all {
			m := usage.MachineOf(n)
			largest.Cores, largest.Bytes = max(largest.Cores, m.Cores), max(largest.Bytes, m.Bytes)
		}
		return largest, true
	}
}
