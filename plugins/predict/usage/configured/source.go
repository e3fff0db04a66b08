// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package configured makes the usage source that the args of Prediction name. Whoever adds a source adds a case here.
package configured

import (
	"k8s.io/apimachinery/pkg/util/validation/field"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/metricsapi"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/prometheus"
)

// New returns the source of valid args. kubeconfig is the scheduler's way to the API server; nodes are those whose kubelets are asked.
func New(args *config.UsageArgs, kubeconfig *rest.Config, nodes corelisters.NodeLister) (usage.Source, error) {
	path := config.ArgsPath(config.PredictionName).Child("usage")
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
		return ofPrometheus(args, kubeconfig)
	case config.UsageFromMetricsAPI:
		return metricsapi.NewForConfig(kubeconfig)
	}
	// Validation allows none of these; and a source that is new there must not be read as another one.
	return nil, field.NotSupported(path.Child("source"), args.Source, config.UsageSources())
}

// PodAsker returns what answers queries about pods: the Prometheus server of valid args, whatever the source of usage is.
func PodAsker(args *config.UsageArgs, kubeconfig *rest.Config) (usage.PodAsker, error) {
	return ofPrometheus(args, kubeconfig)
}

func ofPrometheus(args *config.UsageArgs, kubeconfig *rest.Config) (*prometheus.Source, error) {
	p := &args.Prometheus
	path := config.ArgsPath(config.PredictionName).Child("usage")
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
