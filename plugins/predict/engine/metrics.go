// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Metrics exports how an engine fares; register it with legacyregistry.
type Metrics struct {
	metrics.BaseStableCollector
	engine *Engine

	readings, dropped, age, duration, nodes *metrics.Desc
}

var _ metrics.StableCollector = &Metrics{}

// NewMetrics returns the metrics of an engine.
func NewMetrics(e *Engine) *Metrics {
	desc := func(name, help string, labels ...string) *metrics.Desc {
		return metrics.NewDesc("foresight_"+name, help, labels, nil, metrics.ALPHA, "")
	}
	return &Metrics{
		engine:   e,
		readings: desc("usage_readings_total", "Readings of usage by result: success or failure.", "result"),
		dropped:  desc("usage_samples_dropped_total", "Samples that were not believed, by reason.", "reason"),
		age:      desc("usage_last_success_age_seconds", "Time since the last good reading of usage ended; absent before the first."),
		duration: desc("usage_reading_duration_seconds", "How long the last reading of usage took, good or not."),
		nodes:    desc("usage_nodes", "Nodes whose usage is known."),
	}
}

// DescribeWithStability announces the metrics.
func (m *Metrics) DescribeWithStability(ch chan<- *metrics.Desc) {
	for _, d := range []*metrics.Desc{m.readings, m.dropped, m.age, m.duration, m.nodes} {
		ch <- d
	}
}

// CollectWithStability reads the engine.
func (m *Metrics) CollectWithStability(ch chan<- metrics.Metric) {
	collector := m.engine.collector.Load()
	if collector == nil {
		return
	}
	status := collector.Status()
	counter := func(d *metrics.Desc, v float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(d, metrics.CounterValue, v, labels...)
	}
	gauge := func(d *metrics.Desc, v float64) { ch <- metrics.NewLazyConstMetric(d, metrics.GaugeValue, v) }
	counter(m.readings, float64(status.Readings), "success")
	counter(m.readings, float64(status.Failures), "failure")
	for reason, n := range status.Dropped {
		counter(m.dropped, float64(n), usage.Reason(reason).String())
	}
	if !status.LastSuccess.IsZero() {
		gauge(m.age, m.engine.clock.Since(status.LastSuccess).Seconds())
	}
	gauge(m.duration, status.LastDuration.Seconds())
	known := m.engine.Snapshot().Nodes(m.engine.clock.Now(), m.engine.Expiry())
	gauge(m.nodes, float64(known))
}
