// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
)

// Queries of objectives are asked of the Prometheus server of Prediction, whatever the source of usage is. A query without a server, or
// with one that cannot be asked, is refused by the field that is wrong.
func TestQueriesHaveAServer(t *testing.T) {
	plugins.RegisterArgs()
	example, err := os.ReadFile("../../manifests/examples/objectives-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const server = "        prometheus:\n          url: http://prometheus-k8s.monitoring:9090\n          rateWindow: 2m\n"
	if !strings.Contains(string(example), server) {
		t.Fatalf("the example has no %q", server)
	}
	before, _, _ := strings.Cut(string(example), "  - name: Prediction\n")
	for _, c := range []struct{ what, text, want string }{
		{"the example", string(example), ""},
		{"no source of usage", strings.ReplaceAll(string(example), "source: MetricsAPI", "source: None"), ""},
		{"no server", strings.ReplaceAll(string(example), server, ""),
			"pluginConfig[Prediction].args.usage.prometheus.url: Required value: profiles[0].pluginConfig[PredictedQoS].args.objectives[0].query"},
		{"no Prediction", before, "pluginConfig[Prediction].args.usage.prometheus.url: Required value"},
		{"no such server", strings.ReplaceAll(string(example), "http://prom", "ftp://prom"), "pluginConfig[Prediction].args.usage.prometheus.url: Invalid value"},
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := options.LoadConfigFromFile(klog.Background(), file)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		for _, pc := range cfg.Profiles[0].PluginConfig {
			if args, ok := pc.Args.(*config.PredictedQoSArgs); ok {
				if errs := config.ValidatePredictedQoSArgs(config.ArgsPath(pc.Name), args); len(errs) > 0 || len(args.Objectives) != 4 || args.Objectives[0].AtMost.AsApproximateFloat64() != .2 {
					t.Errorf("%s: %v, %+v", c.what, errs, args.Objectives)
				}
			}
		}
		usage, err := measuredBy(cfg)
		switch {
		case c.want == "" && (err != nil || usage == nil || usage.Prometheus.URL != "http://prometheus-k8s.monitoring:9090"):
			t.Errorf("%s: %+v, %v", c.what, usage, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
	none, err := options.LoadConfigFromFile(klog.Background(), "../../manifests/examples/qos-config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if usage, err := measuredBy(none); usage != nil || err != nil {
		t.Errorf("without a query: %+v, %v", usage, err)
	}
}
