// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package buildinfo

import (
	"runtime"

	"k8s.io/component-base/metrics"
	utilversion "k8s.io/component-base/version"
)

// RegisterMetric registers foresight_build_info, which is always 1, and whose labels say what String says.
func RegisterMetric(register func(...metrics.Registerable)) {
	info := metrics.NewGaugeVec(&metrics.GaugeOpts{
		Name: "foresight_build_info", StabilityLevel: metrics.ALPHA,
		Help: "Always 1; the labels say which build runs.",
	}, []string{"version", "commit", "kubernetes", "go"})
	register(info)
	info.WithLabelValues(version, commit, utilversion.Get().GitVersion, runtime.Version()).Set(1)
}
