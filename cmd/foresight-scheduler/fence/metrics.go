// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fence

import "k8s.io/component-base/metrics"

// Metrics count what the fence did.
type Metrics struct{ refused *metrics.Counter }

// NewMetrics returns metrics that count once they are registered.
func NewMetrics() *Metrics {
	return &Metrics{refused: metrics.NewCounter(&metrics.CounterOpts{
		Name: "foresight_lease_refused_writes_total", StabilityLevel: metrics.ALPHA,
		Help: "Writes that were refused or taken back because the leader lease had not been renewed in time.",
	})}
}

// Register registers the metrics, once; with legacyregistry.MustRegister for example.
func (m *Metrics) Register(register func(...metrics.Registerable)) { register(m.refused) }
