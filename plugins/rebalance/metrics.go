// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"time"

	"k8s.io/component-base/metrics"
)

// Metrics are those of a loop.
type Metrics struct {
	moves    *metrics.CounterVec
	refused  *metrics.CounterVec
	promised *metrics.Counter
	gain     *metrics.GaugeVec
	suffers  *metrics.Gauge
	stopped  *metrics.Gauge
	resizes  *metrics.Gauge
	seconds  *metrics.Histogram
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	return &Metrics{
		moves: metrics.NewCounterVec(&metrics.CounterOpts{
			Name: "foresight_rebalance_moves_total", StabilityLevel: metrics.ALPHA,
			Help: "Moves that were found, by result: suggested, moved, packed (to empty a node), pdb (the API server refused the eviction) or error.",
		}, []string{"result"}),
		refused: metrics.NewCounterVec(&metrics.CounterOpts{
			Name: "foresight_rebalance_refused_total", StabilityLevel: metrics.ALPHA,
			Help: "Pods that would have cured something and did not move, by reason, counted at each look.",
		}, []string{"reason"}),
		promised: metrics.NewCounter(&metrics.CounterOpts{
			Name: "foresight_rebalance_promised_core_minutes_total", StabilityLevel: metrics.ALPHA,
			Help: "Core minutes of demand beyond what nodes run well at that moves were expected to save, also those that were only suggested.",
		}),
		gain: metrics.NewGaugeVec(&metrics.GaugeOpts{
			Name: "foresight_rebalance_followed_core_minutes", StabilityLevel: metrics.ALPHA,
			Help: "Core minutes that the last twenty or so moves promised, and what they brought (kind: promised, realised). The breaker compares them.",
		}, []string{"kind"}),
		suffers: metrics.NewGauge(&metrics.GaugeOpts{
			Name: "foresight_rebalance_expected_core_minutes", StabilityLevel: metrics.ALPHA,
			Help: "Core minutes of demand beyond what nodes run well at that are expected within the horizon, over all nodes.",
		}),
		stopped: metrics.NewGauge(&metrics.GaugeOpts{
			Name: "foresight_rebalance_stopped", StabilityLevel: metrics.ALPHA,
			Help: "1 while the breaker stops moves, as they did not bring what they promised.",
		}),
		resizes: metrics.NewGauge(&metrics.GaugeOpts{
			Name: "foresight_rebalance_small_requests", StabilityLevel: metrics.ALPHA,
			Help: "Workloads whose CPU requests are far below what they use, on nodes that suffer from it.",
		}),
		seconds: metrics.NewHistogram(&metrics.HistogramOpts{
			Name: "foresight_rebalance_look_seconds", StabilityLevel: metrics.ALPHA,
			Help:    "How long a look at the cluster took, from the copy of the nodes to the plan.",
			Buckets: metrics.ExponentialBuckets(.001, 4, 8),
		}),
	}
}

// Register registers the metrics.
func (m *Metrics) Register(register func(...metrics.Registerable)) {
	register(m.moves, m.refused, m.promised, m.gain, m.suffers, m.stopped, m.resizes, m.seconds)
}

// looked counts a look that began at now. plan is nil if the look failed.
func (m *Metrics) looked(now time.Time, took time.Duration, plan *Plan, p *Planner) {
	m.seconds.Observe(took.Seconds())
	promised, realised, stopped := p.Realised()
	m.gain.WithLabelValues("promised").Set(promised)
	m.gain.WithLabelValues("realised").Set(realised)
	m.stopped.Set(0)
	if now.Before(stopped) {
		m.stopped.Set(1)
	}
	if plan == nil {
		return
	}
	m.suffers.Set(plan.Suffers)
	m.resizes.Set(float64(plan.SmallRequests))
	for reason, n := range plan.Refused {
		m.refused.WithLabelValues(string(reason)).Add(float64(n))
	}
}
