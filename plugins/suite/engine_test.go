// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
)

// A configuration of scheduler-plugins knows no Prediction, and its scores have usage all the same: that of metrics.k8s.io,
// unless Prediction says where from, or that there be none.
func TestTrimaranHasUsage(t *testing.T) {
	plugins.RegisterArgs()
	packing := "  plugins: {score: {enabled: [{name: TargetLoadPacking}]}}\n"
	prediction := func(source string) string {
		return "  pluginConfig:\n  - name: Prediction\n    args: {usage: {interval: 7s, " + source + "}}\n"
	}
	for name, tc := range map[string]struct {
		profile  string
		source   config.UsageSourceType
		interval time.Duration
	}{
		"upstream's scores":      {"", "", 0},
		"Trimaran":               {packing, config.UsageFromMetricsAPI, 30 * time.Second},
		"Trimaran, multiPoint":   {"  plugins: {multiPoint: {enabled: [{name: Peaks}]}}\n", config.UsageFromMetricsAPI, 30 * time.Second},
		"Trimaran and Kubelet":   {packing + prediction("source: Kubelet"), config.UsageFromKubelet, 7 * time.Second},
		"Trimaran and no source": {packing + prediction("source: None"), "", 0},
		"Prediction alone":       {prediction("source: MetricsAPI"), config.UsageFromMetricsAPI, 7 * time.Second},
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		text := "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: trimaran\n" + tc.profile
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := options.LoadConfigFromFile(klog.Background(), file)
		if err != nil {
			t.Fatal(err)
		}
		engine, err := newEngine(t.Context(), cfg)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.source == "" && engine != nil:
			t.Errorf("%s: usage is read from %s", name, engine.Usage().Source)
		case tc.source != "" && (engine == nil || engine.Usage().Source != tc.source || engine.Usage().Interval.Duration != tc.interval):
			t.Errorf("%s: %+v", name, engine)
		}
	}
}
