// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"k8s.io/kubernetes/pkg/scheduler/profile"

	"github.com/foresight-scheduler/foresight/plugins"
)

const header = `{"kind": "Policy", "apiVersion": "v1"`

// What is converted is a configuration that upstream decodes, finds valid, and makes a
// scheduler of, with every plugin and extender.
func TestConvertedLoads(t *testing.T) {
	for name, tc := range map[string]struct{ policy, want, notice string }{
		"defaults":         {header + `}`, "type: LeastAllocated", "defaults of 1.22"},
		"nothing asked":    {header + `, "predicates": [], "priorities": []}`, "name: Taints", "CheckVolumeBinding"},
		"conditions":       {header + `, "predicates": [{"name": "GeneralPredicates"}, {"name": "CheckNodeCondition"}]}`, "name: ResourceFit", "makes taints of node conditions"},
		"service affinity": {header + `, "predicates": [{"name": "Zone", "argument": {"serviceAffinity": {"labels": ["zone"]}}}]}`, "serviceAffinity", "selector selects"},
		"labels presence":  {header + `, "predicates": [{"name": "MatchNodeSelector"}, {"name": "No", "argument": {"labelsPresence": {"labels": ["retiring"], "presence": false}}}]}`, "operator: DoesNotExist", ""},
		"anti-affinity":    {header + `, "priorities": [{"name": "Rack", "weight": 2, "argument": {"serviceAntiAffinity": {"label": "rack"}}}, {"name": "NodeAffinityPriority", "weight": 3}]}`, "serviceAntiAffinity", "hundredth"},
		"label preference": {header + `, "priorities": [{"name": "SSD", "weight": 4, "argument": {"labelPreference": {"label": "ssd", "presence": true}}}]}`, "preferredDuringScheduling", "labelPreference"},
		"ratio":            {header + `, "priorities": [{"name": "Bin", "weight": 5, "argument": {"requestedToCapacityRatioArguments": {"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}], "resources": [{"name": "example.com/gpu", "weight": 3}]}}}]}`, "requestedToCapacityRatio", ""},
		"least and most":   {header + `, "priorities": [{"name": "LeastRequestedPriority", "weight": 1}, {"name": "MostRequestedPriority", "weight": 2}, {"name": "NodePreferAvoidPodsPriority", "weight": 10000}]}`, "type: MostAllocated", "no equivalent"},
		"extender":         {header + `, "hardPodAffinitySymmetricWeight": 10, "extenders": [{"urlPrefix": "http://127.0.0.1:1/s", "filterVerb": "filter", "httpTimeout": 30000000000, "managedResources": [{"name": "example.com/foo", "ignoredByScheduler": true}]}]}`, "hardPodAffinityWeight: 10", ""},
		"YAML":             {"kind: Policy\napiVersion: v1\nalwaysCheckAllPredicates: true\n", "name: Affinity", "alwaysCheckAllPredicates"},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Convert([]byte(tc.policy), "test-scheduler")
			if err != nil {
				t.Fatal(err)
			}
			text := string(result.Config)
			if !strings.Contains(text, tc.want) {
				t.Errorf("lacks %q:\n%s", tc.want, text)
			}
			if said := strings.Join(result.Notices, "\n"); !strings.Contains(said, tc.notice) {
				t.Errorf("the notices lack %q:\n%s", tc.notice, said)
			}
			load(t, result.Config)
		})
	}
}

// load makes a scheduler of a configuration.
func load(t *testing.T, data []byte) *scheduler.Scheduler {
	t.Helper()
	registry := plugins.Registry(plugins.Options{})
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	cfg := obj.(*config.KubeSchedulerConfiguration)
	if err := validation.ValidateKubeSchedulerConfiguration(cfg); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	client := fake.NewClientset()
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	sched, err := scheduler.New(t.Context(), client, informers.NewSharedInformerFactory(client, 0), nil, profile.NewRecorderFactory(broadcaster),
		scheduler.WithProfiles(cfg.Profiles...), scheduler.WithExtenders(cfg.Extenders...), scheduler.WithFrameworkOutOfTreeRegistry(registry))
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	return sched
}

func TestConvertRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ policy, want string }{
		"kind":              {`{"kind": "Pod", "apiVersion": "v1"}`, "kind"},
		"apiVersion":        {`{"kind": "Policy", "apiVersion": "v2"}`, "apiVersion"},
		"unknown field":     {header + `, "predicates": [{"name": "HostName", "foo": 1}]}`, `predicates[0].foo`},
		"field twice":       {header + `, "priorities": [], "priorities": []}`, `duplicate field "priorities"`},
		"unknown predicate": {header + `, "predicates": [{"name": "PodFits"}]}`, "predicates[0].name"},
		"unknown priority":  {header + `, "priorities": [{"name": "Best", "weight": 1}]}`, "priorities[0].name"},
		"no weight":         {header + `, "priorities": [{"name": "EqualPriority"}]}`, "priorities[0].weight"},
		"duplicate":         {header + `, "predicates": [{"name": "HostName"}, {"name": "HostName"}]}`, "predicates[1].name: Duplicate"},
		"uneven weights":    {header + `, "priorities": [{"name": "A", "weight": 1, "argument": {"labelPreference": {"label": "a"}}}, {"name": "B", "weight": 2, "argument": {"labelPreference": {"label": "b"}}}]}`, "priorities[1].weight"},
		"bad shape":         {header + `, "priorities": [{"name": "R", "weight": 1, "argument": {"requestedToCapacityRatioArguments": {"shape": [{"utilization": 5}, {"utilization": 5}]}}}]}`, "shape[1].utilization"},
		"hard weight":       {header + `, "hardPodAffinitySymmetricWeight": 101}`, "hardPodAffinitySymmetricWeight"},
		"extender":          {header + `, "extenders": [{"filterVerb": "f"}]}`, "extenders[0].urlPrefix"},
	} {
		if _, err := Convert([]byte(tc.policy), "test-scheduler"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want it to name %s", name, err, tc.want)
		}
	}
}
