// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
)

// shadowMetrics tell what an onlooker has seen.
type shadowMetrics struct {
	metrics.BaseStableCollector
	ledger *shadow.Ledger

	placements, decisions, evicted, cutShort, records, bytes *metrics.Desc
}

func newShadowMetrics(ledger *shadow.Ledger) *shadowMetrics {
	desc := func(name, help string, labels ...string) *metrics.Desc {
		return metrics.NewDesc("foresight_shadow_"+name, help, labels, nil, metrics.ALPHA, "")
	}
	return &shadowMetrics{
		ledger:     ledger,
		placements: desc("placements_total", "Pods that other schedulers placed, by what an onlooker made of them: decided, failed, passed over for lack of time, or unseen while the watch was down.", "result"),
		decisions:  desc("decisions_total", "Decisions of an onlooker by how they compare with the other scheduler's: same, as-good, only, differs or nowhere.", "result"),
		evicted:    desc("records_evicted_total", "Decisions of an onlooker that made room for newer ones."),
		cutShort:   desc("records_cut_short_total", "Decisions of an onlooker that made room before what became of them was followed to the end."),
		records:    desc("records", "Decisions of an onlooker that are kept."),
		bytes:      desc("records_bytes", "Memory of the decisions of an onlooker that are kept, estimated."),
	}
}

// DescribeWithStability announces the metrics.
func (m *shadowMetrics) DescribeWithStability(ch chan<- *metrics.Desc) {
	for _, d := range []*metrics.Desc{m.placements, m.decisions, m.evicted, m.cutShort, m.records, m.bytes} {
		ch <- d
	}
}

// CollectWithStability reads them.
func (m *shadowMetrics) CollectWithStability(ch chan<- metrics.Metric) {
	put := func(d *metrics.Desc, kind metrics.ValueType, v float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(d, kind, v, labels...)
	}
	c := m.ledger.Counts()
	for result, n := range map[string]uint64{"decided": c.Decided, "passed": c.Passed, "failed": c.Failed, "unseen": c.Unseen} {
		put(m.placements, metrics.CounterValue, float64(n), result)
	}
	agreement := m.ledger.Agreement()
	for _, result := range shadow.Results {
		put(m.decisions, metrics.CounterValue, float64(agreement[result]), string(result))
	}
	put(m.evicted, metrics.CounterValue, float64(c.Evicted))
	put(m.cutShort, metrics.CounterValue, float64(c.CutShort))
	put(m.records, metrics.GaugeValue, float64(c.Records))
	put(m.bytes, metrics.GaugeValue, float64(c.Bytes))
}
