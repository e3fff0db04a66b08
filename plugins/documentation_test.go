// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"context"
	"os"
	"path/filepath"
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
	for pattern, least := range map[string]int{pluginPages: 9, "../docs/operate/sources.md": 8} {
		page := documentation(t, pattern)
		blocks := regexp.MustCompile("(?s)```yaml\n(?:# [a-z-]+\n)?(- name: .*?)```").FindAllStringSubmatch(page, -1)
		if len(blocks) < least {
			t.Fatalf("%s: %d documented args, want %d at least", pattern, len(blocks), least)
		}
		for _, block := range blocks {
			args := strings.ReplaceAll(strings.TrimRight(block[1], "\n"), "\n", "\n  ")
			cfg := loadProfiles(t, []byte(profile+"  pluginConfig:\n  "+args+"\n"))
			for _, pc := range cfg.Profiles[0].PluginConfig {
				if prediction, ok := pc.Args.(*foresightconfig.PredictionArgs); ok {
					if err := foresightconfig.ValidatePredictionArgs(foresightconfig.ArgsPath(pc.Name), prediction).ToAggregate(); err != nil {
						t.Errorf("%s: %v in\n%s", pattern, err, block[1])
					}
				}
			}
		}
	}
}

const pluginPages = "../docs/reference/plugins/*.md"

// documentation is the text of all pages of a pattern.
func documentation(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no pages, %v", pattern, err)
	}
	var text strings.Builder
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(page)
	}
	return text.String()
}

// What is read of pods and nodes is documented.
func TestClaimsAreDocumented(t *testing.T) {
	page := documentation(t, pluginPages)
	for _, key := range slices.Concat(claims.PodAnnotations, claims.PodLabels, claims.NodeAnnotations, claims.PriorityClassAnnotations) {
		if short := strings.TrimPrefix(key.Name, foresightconfig.AnnotationPrefix); !strings.Contains(page, key.Name+":") && !strings.Contains(page, "…/"+short+":") {
			t.Errorf("docs/reference/plugins does not tell of %s", key.Name)
		}
	}
}
