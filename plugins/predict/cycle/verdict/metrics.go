// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package verdict

import "k8s.io/component-base/metrics"

// Metrics exports how many pods predictions would have refused every node. Register it with
// legacyregistry.
type Metrics struct {
	metrics.BaseStableCollector
	verdicts *Verdicts
	passed   *metrics.Desc
}

var _ metrics.StableCollector = &Metrics{}

// NewMetrics returns the metrics of verdicts.
func NewMetrics(v *Verdicts) *Metrics {
	return &Metrics{verdicts: v, passed: metrics.NewDesc("foresight_forecast_let_pass_total",
		"Pods to which predictions would have refused every node, so that the plugin refused none.", []string{"profile", "plugin"}, nil, metrics.ALPHA, "")}
}

// DescribeWithStability sends the description of the metrics.
func (m *Metrics) DescribeWithStability(ch chan<- *metrics.Desc) { ch <- m.passed }

// CollectWithStability sends the current counts.
func (m *Metrics) CollectWithStability(ch chan<- metrics.Metric) {
	m.verdicts.lock.Lock()
	defer m.verdicts.lock.Unlock()
	for w, n := range m.verdicts.passed {
		ch <- metrics.NewLazyConstMetric(m.passed, metrics.CounterValue, float64(n.Load()), w.profile, w.plugin)
	}
}
