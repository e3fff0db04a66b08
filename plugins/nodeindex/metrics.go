// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

const (
	resultAccepted = "accepted"
	resultRefused  = "refused"
	resultNone     = "no_feasible_node"
)

// Metrics are those of the index.
type Metrics struct {
	hints, refusals, bypasses, uncounted *metrics.CounterVec
	rebuilds                             *metrics.Counter
	updates, searches                    *metrics.Histogram
	nodes                                *metrics.Gauge
}

// NewMetrics returns metrics that count once they are registered.
func NewMetrics() *Metrics {
	vec := func(name, help string, labels ...string) *metrics.CounterVec {
		return metrics.NewCounterVec(&metrics.CounterOpts{Name: "foresight_node_index_" + name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
	}
	seconds := func(name, help string) *metrics.Histogram {
		return metrics.NewHistogram(&metrics.HistogramOpts{
			Name: "foresight_node_index_" + name, Help: help, StabilityLevel: metrics.ALPHA,
			Buckets: metrics.ExponentialBuckets(1e-6, 2, 16),
		})
	}
	return &Metrics{
		hints: vec("searches_total", "Searches of the node index by what became of them: the node was accepted or refused by the filters, "+
			"or no node was feasible.", "profile", "result"),
		refusals: vec("refusals_total", "Nodes of the node index that a filter refused, by plugin.", "profile", "plugin"),
		bypasses: vec("bypasses_total", "Pods that the node index does not serve, by reason.", "profile", "reason"),
		uncounted: vec("uncounted_total", "Pods with topology spread constraints or inter-pod terms for which the node index has the counts, "+
			"so that the filters' recount of the cluster was left out.", "profile"),
		rebuilds: metrics.NewCounter(&metrics.CounterOpts{
			Name: "foresight_node_index_rebuilds_total", Help: "Times the node index was built anew from the snapshot.", StabilityLevel: metrics.ALPHA,
		}),
		updates:  seconds("update_duration_seconds", "How long it takes to bring the node index up to date for a pod."),
		searches: seconds("search_duration_seconds", "How long it takes to find the best node for a pod."),
		nodes: metrics.NewGauge(&metrics.GaugeOpts{
			Name: "foresight_node_index_nodes", Help: "Nodes in the node index.", StabilityLevel: metrics.ALPHA,
		}),
	}
}

// Register registers the metrics, for example with legacyregistry.MustRegister. Call it once.
func (m *Metrics) Register(register func(...metrics.Registerable)) {
	register(m.hints, m.refusals, m.bypasses, m.uncounted, m.rebuilds, m.updates, m.searches, m.nodes)
}

func (m *Metrics) searched(profile, result string) { m.hints.WithLabelValues(profile, result).Inc() }

func (m *Metrics) refuse(profile, plugin string) { m.refusals.WithLabelValues(profile, plugin).Inc() }

func (m *Metrics) bypass(profile string, why terms.Reason) {
	if why == "" {
		why = reasonUnasked // nobody has answered
	}
	m.bypasses.WithLabelValues(profile, string(why)).Inc()
}
