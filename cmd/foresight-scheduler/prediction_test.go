// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

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

// A process without --config keeps no checkpoint: the shipped path is in the Deployment's volume, and two by hand on one
// machine would share the file. With --config the path is what the file says.
func TestCheckpointIsTheDeploymentsOwn(t *testing.T) {
	opts := options.NewOptions()
	shipped := "../../manifests/base/config.yaml"
	file, err := shippedConfig(opts, newOldFlags())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, want := range map[string]string{file.Name(): "", shipped: "/var/lib/foresight/checkpoint"} {
		cfg, err := options.LoadConfigFromFile(klog.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		args := argsOf[*config.PredictionArgs](t, cfg, predictionName)
		if args.Usage.Source != config.UsageFromMetricsAPI || args.Checkpoint.Path != want {
			t.Errorf("%s: usage is read from %s, and the checkpoint is %q, want %q", name, args.Usage.Source, args.Checkpoint.Path, want)
		}
	}
}
