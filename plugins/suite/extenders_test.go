// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
)

// A resource that an extender manages alone is left to it: the shipped profile starts with such an extender, and ResourceFit
// does not count the resource.
func TestExtendersResources(t *testing.T) {
	plugins.RegisterArgs()
	text := strings.TrimRight(string(manifests.SchedulerConfig), "\n") + `
extenders:
- urlPrefix: http://localhost:1
  filterVerb: filter
  managedResources: [{name: example.com/licence, ignoredByScheduler: true}, {name: example.com/other}]
`
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := options.LoadConfigFromFile(klog.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	full, err := ignoreExtendersResources(cfg)
	if err != nil || full == nil {
		t.Fatalf("%v, error %v", full, err)
	}
	file, err := inMemory(full)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	read, err := options.LoadConfigFromFile(klog.Background(), file.Name())
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset()
	if _, err := scheduler.New(t.Context(), client, scheduler.NewInformerFactory(client, 0, nil), nil,
		func(string) events.EventRecorderLogger { return &events.FakeRecorder{} },
		scheduler.WithProfiles(read.Profiles...), scheduler.WithExtenders(read.Extenders...),
		scheduler.WithFrameworkOutOfTreeRegistry(plugins.Registry(plugins.Options{}))); err != nil {
		t.Fatal(err)
	}
	for _, pc := range read.Profiles[0].PluginConfig {
		if args, ok := pc.Args.(*config.ResourceFitArgs); ok {
			if !slices.Equal(args.IgnoredResources, []string{"example.com/licence"}) {
				t.Errorf("ResourceFit ignores %v", args.IgnoredResources)
			}
			return
		}
	}
	t.Error("no args of ResourceFit")
}
