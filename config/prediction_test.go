// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/config"
)

// The engine's args: what is refused is named with its path and its range.
func TestValidatePredictionArgs(t *testing.T) {
	valid := config.UsageArgs{
		Source:   config.UsageFromMetricsAPI,
		Interval: metav1.Duration{Duration: 30 * time.Second},
		Window:   metav1.Duration{Duration: 15 * time.Minute},
		Expiry:   metav1.Duration{Duration: 5 * time.Minute},
	}
	for name, tc := range map[string]struct {
		change func(*config.UsageArgs)
		want   string
	}{
		"valid":                  {func(*config.UsageArgs) {}, ""},
		"off":                    {func(u *config.UsageArgs) { u.Source = config.UsageFromNowhere }, ""},
		"unknown source":         {func(u *config.UsageArgs) { u.Source = "Guess" }, `args.usage.source: Unsupported value: "Guess": supported values: "MetricsAPI", "Kubelet", "Prometheus", "None"`},
		"no interval":            {func(u *config.UsageArgs) { u.Interval.Duration = 0 }, `args.usage.interval: Invalid value: "0s": not in valid range [1s-1h0m0s]`},
		"window under interval":  {func(u *config.UsageArgs) { u.Window.Duration = time.Second }, `args.usage.window: Invalid value: "1s": not in valid range [30s-24h0m0s]`},
		"expiry longer than day": {func(u *config.UsageArgs) { u.Expiry.Duration = 25 * time.Hour }, `args.usage.expiry: Invalid value: "25h0m0s": not in valid range [30s-24h0m0s]`},
	} {
		args := &config.PredictionArgs{
			Usage: valid, Percentile: 95, ColdStart: metav1.Duration{Duration: time.Minute},
			Checkpoint: config.CheckpointArgs{Interval: metav1.Duration{Duration: time.Minute}},
		}
		tc.change(&args.Usage)
		err := config.ValidatePredictionArgs(config.ArgsPath("Prediction"), args).ToAggregate()
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: refused: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}

// The same of the fields of each source.
func TestValidateSources(t *testing.T) {
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	valid := config.PredictionArgs{
		Percentile: 95, ColdStart: d(15 * time.Minute),
		Checkpoint: config.CheckpointArgs{Path: "/var/lib/foresight/checkpoint", Interval: d(time.Minute)},
		Usage: config.UsageArgs{
			Interval: d(30 * time.Second), Window: d(15 * time.Minute), Expiry: d(5 * time.Minute),
			Kubelet: config.KubeletArgs{CAFile: "ca", TokenFile: "token", Concurrency: 32, Timeout: d(5 * time.Second)},
			Prometheus: config.PrometheusArgs{
				URL: "https://prometheus:9090", RateWindow: d(5 * time.Minute), QueryTimeout: d(20 * time.Second), MaxSeries: 1, Backfill: d(time.Hour),
			},
		},
	}
	for _, tc := range []struct {
		source config.UsageSourceType
		change func(*config.PredictionArgs)
		want   string
	}{
		{config.UsageFromKubelet, func(*config.PredictionArgs) {}, ""},
		{config.UsageFromPrometheus, func(*config.PredictionArgs) {}, ""},
		{config.UsageFromMetricsAPI, func(a *config.PredictionArgs) {
			a.Usage.Prometheus, a.Usage.Kubelet = config.PrometheusArgs{}, config.KubeletArgs{}
		}, ""},
		{config.UsageFromMetricsAPI, func(a *config.PredictionArgs) { a.Percentile = 100 }, `args.percentile: Invalid value: 100: not in valid range [50-99]`},
		{config.UsageFromMetricsAPI, func(a *config.PredictionArgs) { a.ColdStart = d(time.Second) }, `args.coldStart: Invalid value: "1s": not in valid range [30s-24h0m0s]`},
		{config.UsageFromMetricsAPI, func(a *config.PredictionArgs) { a.Checkpoint.Interval = d(0) }, `args.checkpoint.interval: Invalid value: "0s"`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) { a.Usage.Kubelet.CAFile = "" }, `args.usage.kubelet.caFile: Required value`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) { a.Usage.Kubelet.TokenFile = "" }, `args.usage.kubelet.tokenFile: Required value`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) { a.Usage.Kubelet.KeyFile = "key" }, `args.usage.kubelet.certFile: Required value`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) { a.Usage.Kubelet.Concurrency = 0 }, `args.usage.kubelet.concurrency: Invalid value: 0`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) { a.Usage.Kubelet.Timeout = d(time.Minute) }, `args.usage.kubelet.timeout: Invalid value: "1m0s": not in valid range [100ms-30s]`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) {
			a.Usage.Kubelet.TokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token"
		}, `args.usage.kubelet.tokenFile: Forbidden: this is the scheduler's own token`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) {
			a.Usage.Kubelet.TokenFile = "/run/secrets/x/../kubernetes.io/serviceaccount/token"
		}, `args.usage.kubelet.tokenFile: Forbidden`},
		{config.UsageFromKubelet, func(a *config.PredictionArgs) {
			a.Usage.Kubelet.TokenFile, a.Usage.Kubelet.SendSchedulerToken = "/var/run/secrets/kubernetes.io/serviceaccount/token", true
		}, ""},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			a.Usage.Prometheus.TokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token"
		}, `args.usage.prometheus.tokenFile: Forbidden`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.URL = "" }, `args.usage.prometheus.url: Required value`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.URL = "prometheus:9090" }, `args.usage.prometheus.url: Invalid value`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.URL = "https://me:secret@prometheus" }, `https://me:xxxxx@prometheus`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.Username = "me" }, `args.usage.prometheus.passwordFile: Required value`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			p := &a.Usage.Prometheus
			p.Username, p.PasswordFile, p.TokenFile = "me", "password", "token"
		}, `args.usage.prometheus.username: Forbidden`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.RateWindow = d(1500 * time.Millisecond) }, `args.usage.prometheus.rateWindow: Invalid value: "1.5s": must be whole seconds`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.MaxSeries = -1 }, `args.usage.prometheus.maxSeries: Invalid value: -1`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.Backfill = d(1000 * time.Hour) }, `args.usage.prometheus.backfill: Invalid value: "1000h0m0s"`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			a.Usage.Prometheus.Pods.Values = map[string]string{"disk": "x"}
		}, `args.usage.prometheus.pods.values: Unsupported value: "disk"`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			a.Usage.Prometheus.Nodes.Values = map[string]string{"cpu": " "}
		}, `args.usage.prometheus.nodes.values[cpu]: Required value`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			a.Usage.Prometheus.Nodes.Values = map[string]string{"response_time": "x"}
		}, `args.usage.prometheus.nodes.values[response_time]: Forbidden`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			a.Usage.Prometheus.Pods = config.PrometheusQueries{Values: map[string]string{"response_time": "x"}, Time: "x"}
		}, `args.usage.prometheus.pods.time: Forbidden`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "X-Scope-OrgID", Value: "team-a"}, config.PrometheusHeader{Name: "authorization", ValueFile: "token"}), ""},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "X", Value: "a"}, config.PrometheusHeader{Name: "x", Value: "b"}), `args.usage.prometheus.headers[1].name: Duplicate value: "x"`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Value: "a"}), `args.usage.prometheus.headers[0].name: Required value`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "X Y", Value: "a"}), `args.usage.prometheus.headers[0].name: Invalid value: "X Y"`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "host", Value: "a"}), `args.usage.prometheus.headers[0].name: Forbidden`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "X"}), `args.usage.prometheus.headers[0].value: Required value: or valueFile`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "X", Value: "secret", ValueFile: "file"}), `args.usage.prometheus.headers[0].value: Forbidden`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "Authorization", Value: "Bearer secret"}), `args.usage.prometheus.headers[0].value: Forbidden: credentials belong in a file`},
		{config.UsageFromPrometheus, withHeaders(config.PrometheusHeader{Name: "X", Value: "secret\nY: z"}), `args.usage.prometheus.headers[0].value: Invalid value: ""`},
		{config.UsageFromPrometheus, withHeaders(make([]config.PrometheusHeader, 17)...), `args.usage.prometheus.headers: Too many: 17: must have at most 16 items`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) {
			withHeaders(config.PrometheusHeader{Name: "Authorization", ValueFile: "file"})(a)
			a.Usage.Prometheus.TokenFile = "token"
		}, `args.usage.prometheus.headers[0].name: Forbidden: a token file`},
		{config.UsageFromPrometheus, func(a *config.PredictionArgs) { a.Usage.Prometheus.Nodes.Time = "x" }, `args.usage.prometheus.nodes.time: Forbidden`},
	} {
		args := valid.DeepCopy()
		args.Usage.Source = tc.source
		tc.change(args)
		err := config.ValidatePredictionArgs(config.ArgsPath("Prediction"), args).ToAggregate()
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: refused: %v", tc.source, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: got %v, want %s", tc.source, err, tc.want)
		}
	}
}

func withHeaders(headers ...config.PrometheusHeader) func(*config.PredictionArgs) {
	return func(a *config.PredictionArgs) { a.Usage.Prometheus.Headers = headers }
}
