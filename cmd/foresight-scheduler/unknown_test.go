// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"k8s.io/klog/v2"
)

// An unknown plugin is named where the file has it, also when upstream has added the default args of it to pluginConfig, as of those
// whose kind scheduler-plugins registers.
func TestUnknownPlugins(t *testing.T) {
	set := func(names ...string) (s kubeschedulerconfig.PluginSet) {
		for _, name := range names {
			s.Enabled = append(s.Enabled, kubeschedulerconfig.Plugin{Name: name})
		}
		return s
	}
	ours := frameworkruntime.Registry{"ResourceFit": nil}
	for want, profile := range map[string]kubeschedulerconfig.KubeSchedulerProfile{
		"": {
			Plugins:      &kubeschedulerconfig.Plugins{MultiPoint: set("ResourceFit", "NodeName")},
			PluginConfig: []kubeschedulerconfig.PluginConfig{{Name: "Prediction"}, {Name: "NodeIndex"}, {Name: "NodeAffinity"}},
		},
		`profiles[0].plugins.multiPoint.enabled: "Coscheduling": there is no such plugin`: {
			Plugins:      &kubeschedulerconfig.Plugins{MultiPoint: set("ResourceFit", "Coscheduling")},
			PluginConfig: []kubeschedulerconfig.PluginConfig{{Name: "Coscheduling"}},
		},
		`profiles[0].plugins.preScore.enabled: "Affinty": there is no such plugin`: {Plugins: &kubeschedulerconfig.Plugins{PreScore: set("Affinty")}},
		`profiles[0].pluginConfig[1].name: "Affinty": there is no such plugin`: {
			PluginConfig: []kubeschedulerconfig.PluginConfig{{Name: "NodeAffinity"}, {Name: "Affinty"}},
		},
	} {
		err := refuseUnknownArgs(&kubeschedulerconfig.KubeSchedulerConfiguration{Profiles: []kubeschedulerconfig.KubeSchedulerProfile{profile}}, ours)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A configuration of a version that is gone, as Trimaran's samples are, says what to change it to.
func TestOldVersions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	for config, want := range map[string]string{
		"apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: trimaran\n  plugins: {score: {enabled: [{name: TargetLoadPacking}]}}\n  pluginConfig:\n" +
			"  - name: TargetLoadPacking\n    args: {watcherAddress: http://127.0.0.1:2020}\n": `apiVersion: "kubescheduler.config.k8s.io/v1beta3" is not read any more: change it to kubescheduler.config.k8s.io/v1`,
		"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- pluginConfig:\n" +
			"  - name: TargetLoadPacking\n    args: {apiVersion: kubescheduler.config.k8s.io/v1beta2, kind: TargetLoadPackingArgs}\n": `profiles[0].pluginConfig[0].args.apiVersion: "kubescheduler.config.k8s.io/v1beta2" of "TargetLoadPacking" is not read any more`,
	} {
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := options.LoadConfigFromFile(klog.Background(), file)
		if err == nil {
			t.Fatalf("loaded:\n%s", config)
		}
		if got := explainVersion(file, err); !strings.Contains(got.Error(), want) || !errors.Is(got, err) {
			t.Errorf("error %v, want %s", got, want)
		}
	}
	other := errors.New("another")
	if got := explainVersion(filepath.Join(t.TempDir(), "none"), other); got != other {
		t.Errorf("error %v", got)
	}
}
