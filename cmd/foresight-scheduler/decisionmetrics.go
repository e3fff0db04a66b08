// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
)

// decisionMetrics tell what is kept of decisions.
type decisionMetrics struct {
	metrics.BaseStableCollector
	ring       *decision.Ring
	background *evaluate.Background

	recorded, evicted, records, bytes, evaluations *metrics.Desc
}

func newDecisionMetrics(ring *decision.Ring, background *evaluate.Background) *decisionMetrics {
	desc := func(name, help string, labels ...string) *metrics.Desc {
		return metrics.NewDesc("foresight_decision_"+name, help, labels, nil, metrics.ALPHA, "")
	}
	return &decisionMetrics{
		ring: ring, background: background,
		recorded:    desc("records_total", "Decisions that were recorded."),
		evicted:     desc("records_evicted_total", "Records of decisions that made room for newer ones."),
		records:     desc("records", "Records of decisions that are kept."),
		bytes:       desc("records_bytes", "Memory of the records that are kept, estimated."),
		evaluations: desc("evaluations_total", "Decisions by whether they were evaluated afterwards: evaluated, failed, or passed over for lack of time.", "result"),
	}
}

// DescribeWithStability announces the metrics.
func (m *decisionMetrics) DescribeWithStability(ch chan<- *metrics.Desc) {
	for _, d := range []*metrics.Desc{m.recorded, m.evicted, m.records, m.bytes, m.evaluations} {
		ch <- d
	}
}

// CollectWithStability reads them.
func (m *decisionMetrics) CollectWithStability(ch chan<- metrics.Metric) {
	put := func(d *metrics.Desc, kind metrics.ValueType, v float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(d, kind, v, labels...)
	}
	s := m.ring.Stats()
	put(m.recorded, metrics.CounterValue, float64(s.Written))
	put(m.evicted, metrics.CounterValue, float64(s.Evicted))
	put(m.records, metrics.GaugeValue, float64(s.Records))
	put(m.bytes, metrics.GaugeValue, float64(s.Bytes))
	evaluated, failed, passed := m.background.Counts()
	put(m.evaluations, metrics.CounterValue, float64(evaluated), "evaluated")
	put(m.evaluations, metrics.CounterValue, float64(failed), "failed")
	put(m.evaluations, metrics.CounterValue, float64(passed), "passed")
}
