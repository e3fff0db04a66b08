// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package buildinfo

import (
	"testing"

	"k8s.io/component-base/metrics"
)

func TestMetric(t *testing.T) {
	registry := metrics.NewKubeRegistry()
	RegisterMetric(registry.MustRegister)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "foresight_build_info" {
		t.Fatalf("%v, %v", families, err)
	}
	series := families[0].GetMetric()
	if len(series) != 1 || series[0].GetGauge().GetValue() != 1 {
		t.Fatalf("%v", series)
	}
	labels := map[string]string{}
	for _, l := range series[0].GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	if labels["version"] != version || labels["commit"] != commit || labels["kubernetes"] == "" || labels["go"] == "" {
		t.Errorf("labels: %v", labels)
	}
}
