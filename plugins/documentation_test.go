// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"

	foresightconfig "github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// loadProfiles decodes a KubeSchedulerConfiguration as kube-scheduler does and makes
// every plugin of its profiles.
func loadProfiles(t *testing.T, data []byte) *config.KubeSchedulerConfiguration {
	t.Helper()
	metrics.Register()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	registry := frameworkplugins.NewInTreeRegistry()
	if err := registry.Merge(plugins.Registry(plugins.Options{})); err != nil {
		t.Fatal(err)
	}
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	cfg := obj.(*config.KubeSchedulerConfiguration)
	c := newCluster(ctx, t, newGenerator(1, false))
	for i := range cfg.Profiles {
		f, err := frameworkruntime.NewFramework(ctx, registry, &cfg.Profiles[i],
			frameworkruntime.WithInformerFactory(c.informers),
			frameworkruntime.WithSnapshotSharedLister(c.snapshot),
			frameworkruntime.WithSharedDRAManager(c.dra))
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	return cfg
}

func TestShippedConfigurationLoads(t *testing.T) {
	cfg := loadProfiles(t, manifests.SchedulerConfig)
	if got := cfg.Profiles[0].SchedulerName; got != "foresight-scheduler" {
		t.Errorf("the profile is %q", got)
	}
	if cfg.ClientConnection.QPS < 500 {
		t.Errorf("%v requests a second throttle binding", cfg.ClientConnection.QPS)
	}
}

// The args in the documentation are ones that load and are valid.
func TestDocumentedArgsLoad(t *testing.T) {
	profile, _, _ := strings.Cut(string(manifests.SchedulerConfig), "  pluginConfig:\n")
	for file, least := range map[string]int{"../docs/plugins.md": 4, "../docs/sources.md": 8} {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(?:# [a-z-]+\n)?(- name: .*?)```").FindAllSubmatch(page, -1)
		if len(blocks) < least {
			t.Fatalf("%s: %d documented args, want %d at least", file, len(blocks), least)
		}
		for _, block := range blocks {
			args := strings.ReplaceAll(strings.TrimRight(string(block[1]), "\n"), "\n", "\n  ")
			cfg := loadProfiles(t, []byte(profile+"  pluginConfig:\n  "+args+"\n"))
			for _, pc := range cfg.Profiles[0].PluginConfig {
				if prediction, ok := pc.Args.(*foresightconfig.PredictionArgs); ok {
					if err := foresightconfig.ValidatePredictionArgs(foresightconfig.ArgsPath(pc.Name), prediction).ToAggregate(); err != nil {
						t.Errorf("%s: %v in\n%s", file, err, block[1])
					}
				}
			}
		}
	}
}

// What is read of pods and nodes is documented.
func TestClaimsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Concat(claims.PodAnnotations, claims.PodLabels, claims.NodeAnnotations, claims.PriorityClassAnnotations) {
		if short := strings.TrimPrefix(key.Name, foresightconfig.AnnotationPrefix); !strings.Contains(string(page), key.Name+":") && !strings.Contains(string(page), "…/"+short+":") {
			t.Errorf("docs/plugins.md does not tell of %s", key.Name)
		}
	}
}
