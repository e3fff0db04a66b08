// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"maps"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/configured"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/ends"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
	"github.com/foresight-scheduler/foresight/plugins/trimaran"
)

// newEngine returns the engine that the configuration asks for, or nil if it asks for none. A
// profile with one of Trimaran's scores gets an engine with default args even without Prediction
// args: these scores need usage, and configurations of scheduler-plugins have no Prediction.
func newEngine(ctx context.Context, cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*learn.Engine, error) {
	args, found, err := profiles.SoleArgs[*config.PredictionArgs](cfg, config.PredictionName)
	if err != nil {
		return nil, err
	}
	if plugin := trimaranIn(cfg); !found && plugin != "" {
		klog.FromContext(ctx).Info("There are no args of Prediction: usage is read from metrics.k8s.io", "for", plugin)
		if args, err = profiles.Defaults[*config.PredictionArgs](config.PredictionName); err != nil {
			return nil, err
		}
	}
	if args == nil || args.Usage.Source == config.UsageFromNowhere {
		return nil, nil
	}
	if err := config.ValidatePredictionArgs(config.ArgsPath(config.PredictionName), args).ToAggregate(); err != nil {
		return nil, err
	}
	return learn.New(*args, clock.RealClock{}), nil
}

// trimaranIn returns the name of the first of Trimaran's scores that a profile enables, or "".
func trimaranIn(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) string {
	scores := trimaran.Factories(trimaran.Options{})
	for i := range cfg.Profiles {
		p := cfg.Profiles[i].Plugins
		if p == nil {
			continue
		}
		for _, enabled := range slices.Concat(p.MultiPoint.Enabled, p.PreScore.Enabled, p.Score.Enabled) {
			if scores[enabled.Name] != nil {
				return enabled.Name
			}
		}
	}
	return ""
}

// startEngine has the engine collect until ctx ends. Every replica collects, so that a new leader
// starts with what the old one knew.
func (s *Suite) startEngine(ctx context.Context, c *schedulerserverconfig.CompletedConfig) error {
	e := s.Engine
	nodes := c.InformerFactory.Core().V1().Nodes().Lister()
	source, err := configured.New(e.Usage(), c.KubeConfig, nodes)
	if err != nil {
		return err
	}
	legacyregistry.CustomMustRegister(learn.NewMetrics(e))
	pods := c.InformerFactory.Core().V1().Pods()
	left := ends.NewSieve(ctx, e.PodEnded)
	go ends.Follow(ctx, c.Client, left.Failed)
	if _, err := pods.Informer().AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		// If the watch was down when a pod was deleted, a tombstone arrives. It does not say when
		// the pod ended, so it is ignored.
		DeleteFunc: func(obj any) {
			if pod, ok := obj.(*v1.Pod); ok {
				left.Left(pod)
			}
		},
	}); err != nil {
		return err
	}
	if err := warnOfAnnotations(ctx, c.InformerFactory.Core().V1().Nodes().Informer()); err != nil {
		return err
	}
	cluster := learn.Cluster{
		Machines: usage.MachinesFrom(nodes),
		Pod: func(namespace, name string) *v1.Pod {
			pod, err := pods.Lister().Pods(namespace).Get(name)
			if err != nil {
				return nil // The lister knows no other error than that there is none.
			}
			return pod
		},
		Nodes: func() []*v1.Node {
			all, _ := nodes.List(labels.Everything()) // A lister knows no error.
			return all
		},
		Pods: func() []*v1.Pod {
			all, _ := pods.Lister().List(labels.Everything())
			return all
		},
		MayPredict: s.Claims.MayPredict,
	}
	e.Tell(s.QoS.Observe)
	s.learning.Go(func() {
		// Samples of pods that are not yet in the caches would be ignored. Whoever starts the
		// caches also waits for them, so this wait ends.
		if !toolscache.WaitForCacheSync(ctx.Done(), pods.Informer().HasSynced, c.InformerFactory.Core().V1().Nodes().Informer().HasSynced) {
			return
		}
		if err := e.Run(ctx, source, cluster); err != nil {
			klog.FromContext(ctx).Error(err, "The engine did not start; nothing is known of what nodes use")
		}
	})
	return nil
}

// warnOfAnnotations logs annotations of nodes that have no effect. For pods, events do that.
func warnOfAnnotations(ctx context.Context, nodes toolscache.SharedIndexInformer) error {
	check := func(n *v1.Node) {
		if err := claims.CheckNode(n); err != nil {
			klog.FromContext(ctx).Info("Warning: an annotation is without effect", "node", n.Name, "reason", err.Error())
		}
	}
	_, err := nodes.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { check(obj.(*v1.Node)) },
		UpdateFunc: func(before, after any) {
			if n := after.(*v1.Node); !maps.Equal(before.(*v1.Node).Annotations, n.Annotations) {
				check(n)
			}
		},
	})
	return err
}
