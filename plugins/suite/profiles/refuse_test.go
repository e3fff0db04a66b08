// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"testing"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
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
		err := RefuseUnknown(&kubeschedulerconfig.KubeSchedulerConfiguration{Profiles: []kubeschedulerconfig.KubeSchedulerProfile{profile}}, ours)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
