// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import (
	"slices"
	"time"

	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// tell stores a record, counts it, and sends an event of the node.
func (e *Emptier) tell(now time.Time, node, result string, reason rebalance.Reason, why string) {
	e.lock.Lock()
	e.records = append(e.records, rebalance.NodeRecord{Time: now, Node: node, Result: result, Reason: reason, Why: why})
	if len(e.records) > mostRecords {
		e.records = slices.Clone(e.records[1:])
	}
	e.lock.Unlock()
	e.Count.nodes.WithLabelValues(result, string(reason)).Inc()
	e.World.TellNode(node, result, why)
}

// tellNow publishes which node is being emptied, for readers and metrics.
func (e *Emptier) tellNow() {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.at, e.since = "", time.Time{}
	e.Count.emptying.Set(0)
	if e.now != nil {
		e.at, e.since = e.now.node, e.now.since
		e.Count.emptying.Set(1)
	}
}

// Tell fills in the Emptier's mode, current node and records.
func (e *Emptier) Tell(into *rebalance.Packing) {
	e.lock.Lock()
	defer e.lock.Unlock()
	switch {
	case e.Options.Evicts:
		into.Mode = "Evict"
	case !e.Options.Off:
		into.Mode = "Suggest"
	}
	if e.at != "" {
		since := e.since
		into.Now, into.Since = e.at, &since
	}
	into.Records = slices.Clone(e.records)
	slices.Reverse(into.Records)
}

// Metrics are those of an Emptier.
type Metrics struct {
	nodes    *metrics.CounterVec
	stay     *metrics.GaugeVec
	emptying *metrics.Gauge
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	return &Metrics{
		nodes: metrics.NewCounterVec(&metrics.CounterOpts{
			Name: "foresight_rebalance_nodes_total", StabilityLevel: metrics.ALPHA,
			Help: "Nodes that were suggested to be emptied, marked as being emptied, emptied, removed by somebody while they were marked, or given-up for a reason.",
		}, []string{"result", "reason"}),
		stay: metrics.NewGaugeVec(&metrics.GaugeOpts{
			Name: "foresight_rebalance_nodes_kept", StabilityLevel: metrics.ALPHA,
			Help: "Nodes that were not chosen to be emptied when one was last looked for, by reason.",
		}, []string{"reason"}),
		emptying: metrics.NewGauge(&metrics.GaugeOpts{
			Name: "foresight_rebalance_nodes_emptying", StabilityLevel: metrics.ALPHA,
			Help: "1 while a node is marked as being emptied or as empty.",
		}),
	}
}

// Register registers the metrics.
func (m *Metrics) Register(register func(...metrics.Registerable)) {
	register(m.nodes, m.stay, m.emptying)
}

func (m *Metrics) kept(reasons map[rebalance.Reason]int) {
	m.stay.Reset()
	for reason, n := range reasons {
		m.stay.WithLabelValues(string(reason)).Set(float64(n))
	}
}
