// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package configured

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
)

// Every source that a configuration may name is valid and made here, and is the one of its name; the chart's schema has them all. One
// that nobody wrote is an error, and not another source.
func TestEverySource(t *testing.T) {
	kubelet := httptest.NewTLSServer(nil)
	defer kubelet.Close()
	ca, token := filepath.Join(t.TempDir(), "ca"), filepath.Join(t.TempDir(), "token")
	if err := errors.Join(os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kubelet.Certificate().Raw}), 0o600),
		os.WriteFile(token, []byte("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	names := map[config.UsageSourceType]string{
		config.UsageFromMetricsAPI: "metrics.k8s.io", config.UsageFromKubelet: "kubelet", config.UsageFromPrometheus: "prometheus",
	}
	for _, source := range append(config.UsageSources(), "Telepathy") {
		written := &configv1.PredictionArgs{Usage: configv1.UsageArgs{Source: configv1.UsageSourceType(source)}}
		if source == config.UsageFromPrometheus {
			written.Usage.Prometheus.URL = "http://localhost:9090"
		}
		if source == config.UsageFromKubelet {
			written.Usage.Kubelet.CAFile, written.Usage.Kubelet.TokenFile = ca, token
		}
		configv1.SetDefaults_PredictionArgs(written)
		args := &config.PredictionArgs{}
		if err := configv1.Convert_v1_PredictionArgs_To_config_PredictionArgs(written, args, nil); err != nil {
			t.Fatal(err)
		}
		known := slices.Contains(config.UsageSources(), source)
		if errs := config.ValidatePredictionArgs(field.NewPath("args"), args); (len(errs) == 0) != known {
			t.Errorf("%s: %v", source, errs)
		}
		made, err := New(&args.Usage, &rest.Config{Host: "http://localhost:1"}, nil)
		switch want := names[source]; {
		case want == "" && (err == nil || !strings.Contains(err.Error(), "usage.source: Unsupported value")):
			t.Errorf("%s is read as %v, error %v", source, made, err)
		case want != "" && (err != nil || made.Name() != want):
			t.Errorf("%s is made as %v, error %v", source, made, err)
		}
	}

	data, err := os.ReadFile("../../../../manifests/chart/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(config.UsageSources())
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(data), ", ", ","); !strings.Contains(text, `"source": {"enum": `+string(all)) {
		t.Errorf("the chart's schema does not name the sources %s", all)
	}
}
