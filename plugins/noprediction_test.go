// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
)

// Whoever embeds the plugins with the shipped configuration and no engine is told once that nobody predicts, since nothing else would
// say so. Whoever means it, and plugins that are only asked, are told nothing; nor is anyone whose plugins would not read forecasts.
func TestNobodyPredicts(t *testing.T) {
	plugins.RegisterArgs()
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode(manifests.SchedulerConfig, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	shipped := obj.(*kubeschedulerconfig.KubeSchedulerConfiguration).Profiles
	affinityAlone := []kubeschedulerconfig.KubeSchedulerProfile{*shipped[0].DeepCopy()}
	enabled := &affinityAlone[0].Plugins.MultiPoint.Enabled
	*enabled = slices.DeleteFunc(*enabled, func(e kubeschedulerconfig.Plugin) bool {
		return slices.Contains([]string{config.TaintsName, config.ResourceFitName, config.PredictedQoSName}, e.Name)
	})
	for name, tc := range map[string]struct {
		options  plugins.Options
		profiles []kubeschedulerconfig.KubeSchedulerProfile
		said     int
	}{
		"the registry as it is":               {plugins.Options{}, shipped, 1},
		"on purpose":                          {plugins.Options{NoPrediction: true}, shipped, 0},
		"plugins that are only asked":         {plugins.Options{Uncounted: true}, shipped, 0},
		"plugins that would read no forecast": {plugins.Options{}, affinityAlone, 0},
	} {
		logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
		ctx := klog.NewContext(t.Context(), logger)
		registry := plugins.Registry(tc.options)
		for range 2 {
			client := fake.NewClientset()
			if _, err := scheduler.New(ctx, client, scheduler.NewInformerFactory(client, 0, nil), nil,
				func(string) events.EventRecorderLogger { return &events.FakeRecorder{} },
				scheduler.WithProfiles(tc.profiles...), scheduler.WithFrameworkOutOfTreeRegistry(registry)); err != nil {
				t.Fatal(err)
			}
		}
		logged := logger.GetSink().(ktesting.Underlier).GetBuffer().String()
		if said := strings.Count(logged, "nobody predicts"); said != tc.said {
			t.Errorf("%s: it is said %d times, want %d\n%s", name, said, tc.said, logged)
		}
	}
}
