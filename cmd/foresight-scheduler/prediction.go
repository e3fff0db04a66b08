// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/ends"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/metricsapi"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/prometheus"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/trimaran"
)

// predictionName is where the engine's args stand in a pluginConfig.
const predictionName = "Prediction"

// newEngine returns the engine that the configuration asks for, or nil where it asks for
// none. Trimaran's scores ask for one by themselves, since they are nothing without usage
// and the configurations of scheduler-plugins know no Prediction.
func newEngine(ctx context.Context, cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*learn.Engine, error) {
	args, _, err := soleArgs[*config.PredictionArgs](cfg, predictionName)
	if err != nil {
		return nil, err
	}
	if plugin := trimaranIn(cfg); args == nil && plugin != "" {
		klog.FromContext(ctx).Info("There are no args of Prediction: usage is read from metrics.k8s.io", "for", plugin)
		args = &config.PredictionArgs{}
		defaults := &configv1.PredictionArgs{}
		configv1.SetDefaults_PredictionArgs(defaults)
		if err := configv1.Convert_v1_PredictionArgs_To_config_PredictionArgs(defaults, args, nil); err != nil {
			return nil, err
		}
	}
	if args == nil || args.Usage.Source == config.UsageFromNowhere {
		return nil, nil
	}
	if err := config.ValidatePredictionArgs(config.ArgsPath(predictionName), args).ToAggregate(); err != nil {
		return nil, err
	}
	return learn.New(*args, clock.RealClock{}), nil
}

// trimaranIn returns the name of a score of Trimaran that a profile enables, or nothing.
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

// newQoSService returns what the PredictedQoS plugins share, with its metrics. The engine may be nil.
func newQoSService(e *learn.Engine, policy *claims.Policy) *qos.Service {
	service := qos.NewService(e.Reader(), policy)
	legacyregistry.CustomMustRegister(qos.NewMetrics(service))
	return service
}

// startEngine lets the engine collect until ctx ends. Every replica collects, so that a
// new leader knows what the old one knew.
func startEngine(ctx context.Context, e *learn.Engine, c *schedulerserverconfig.CompletedConfig, policy *claims.Policy, told func(*usage.Reading), learning *sync.WaitGroup) error {
	nodes := c.InformerFactory.Core().V1().Nodes().Lister()
	source, err := newSource(e.Usage(), c.KubeConfig, nodes)
	if err != nil {
		return err
	}
	legacyregistry.CustomMustRegister(learn.NewMetrics(e))
	pods := c.InformerFactory.Core().V1().Pods()
	left := ends.NewSieve(ctx, e.PodEnded)
	go ends.Follow(ctx, c.Client, left.Failed)
	if _, err := pods.Informer().AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		// Of a pod that was missed while the watch was down, a tombstone does not say when it went.
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
		MayPredict: policy.MayPredict,
	}
	e.Tell(told)
	learning.Go(func() {
		// Samples of pods that the caches do not know yet would be passed over. Who starts
		// the caches also waits for them, so this ends.
		if !toolscache.WaitForCacheSync(ctx.Done(), pods.Informer().HasSynced, c.InformerFactory.Core().V1().Nodes().Informer().HasSynced) {
			return
		}
		if err := e.Run(ctx, source, cluster); err != nil {
			klog.FromContext(ctx).Error(err, "The engine did not start; nothing is known of what nodes use")
		}
	})
	return nil
}

// warnOfAnnotations logs annotations of nodes that have no effect. Those of pods are told in events.
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

// newSource returns the source that the args name.
func newSource(args *config.UsageArgs, kubeconfig *rest.Config, nodes corelisters.NodeLister) (usage.Source, error) {
	path := config.ArgsPath(predictionName).Child("usage")
	switch args.Source {
	case config.UsageFromKubelet:
		k := &args.Kubelet
		if err := refuseOwnToken(path.Child("kubelet"), k.TokenFile, k.SendSchedulerToken, kubeconfig); err != nil {
			return nil, err
		}
		return kubelet.New(kubelet.Config{
			CAFile: k.CAFile, TokenFile: k.TokenFile, CertFile: k.CertFile, KeyFile: k.KeyFile,
			Cadvisor: k.Pressure, Concurrency: int(k.Concurrency), Timeout: k.Timeout.Duration,
			// A trickle, with time left for those that come last.
			Spread: max(0, args.Interval.Duration-2*k.Timeout.Duration) / 2,
		}, kubelet.FromLister(nodes), clock.RealClock{})
	case config.UsageFromPrometheus:
		p := &args.Prometheus
		if err := refuseOwnToken(path.Child("prometheus"), p.TokenFile, p.SendSchedulerToken, kubeconfig); err != nil {
			return nil, err
		}
		return prometheus.New(prometheus.Config{
			URL: p.URL,
			Files: httpauth.Files{
				CA: p.CAFile, Cert: p.CertFile, Key: p.KeyFile, Token: p.TokenFile, Username: p.Username, Password: p.PasswordFile, Headers: headers(p.Headers),
			},
			Nodes: queries(&p.Nodes), Pods: queries(&p.Pods),
			Labels:       prometheus.Labels(p.Labels),
			Window:       p.RateWindow.Duration,
			QueryTimeout: p.QueryTimeout.Duration,
			MaxSeries:    int(p.MaxSeries),
		}, clock.RealClock{})
	default:
		return metricsapi.NewForConfig(kubeconfig)
	}
}

func headers(args []config.PrometheusHeader) (headers []httpauth.Header) {
	for _, h := range args {
		headers = append(headers, httpauth.Header{Name: h.Name, Value: h.Value, File: h.ValueFile})
	}
	return headers
}

// queries in the order of the quantities, which keeps logs and errors alike.
func queries(args *config.PrometheusQueries) prometheus.Queries {
	q := prometheus.Queries{Time: args.Time}
	for quantity := range usage.Quantity(usage.NumQuantities) {
		if promQL := args.Values[quantity.String()]; promQL != "" {
			q.Values = append(q.Values, prometheus.Query{Quantity: quantity, PromQL: promQL})
		}
	}
	return q
}
