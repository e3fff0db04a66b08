// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package served

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"
	"k8s.io/kubernetes/pkg/features"
)

// server is an API server that serves some resources, or answers with an error a few times.
type server struct {
	serves map[string][]string
	errs   []error
	asked  int
}

func (s *server) ServerVersionWithContext(context.Context) (*version.Info, error) {
	return &version.Info{GitVersion: "v1.36.3"}, nil
}

func (s *server) ServerResourcesForGroupVersionWithContext(_ context.Context, gv string) (*metav1.APIResourceList, error) {
	s.asked++
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return nil, err
	}
	names, ok := s.serves[gv]
	if !ok {
		return nil, apierrors.NewNotFound(schema.GroupResource{}, gv)
	}
	list := &metav1.APIResourceList{GroupVersion: gv}
	for _, name := range names {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: name}, metav1.APIResource{Name: name + "/status"})
	}
	return list, nil
}

// What servers of these releases serve by default, of the groups that matter.
func release(minor string) *server {
	s := &server{serves: map[string][]string{"resource.k8s.io/v1": {"deviceclasses", "resourceclaims", "resourceclaimtemplates", "resourceslices"}}}
	switch minor {
	case "1.33":
		delete(s.serves, "resource.k8s.io/v1")
	case "1.37":
		s.serves["resource.k8s.io/v1"] = append(s.serves["resource.k8s.io/v1"], "devicetaintrules")
	}
	return s
}

func adapt(t *testing.T, s *server, flags map[string]bool) (featuregate.FeatureGate, error) {
	t.Helper()
	gates := utilfeature.DefaultFeatureGate.DeepCopy()
	if err := gates.SetFromMap(flags); err != nil {
		t.Fatal(err)
	}
	return gates, Adapt(t.Context(), s, gates)
}

func TestAdapt(t *testing.T) {
	all := map[string]bool{"AllAlpha": true, "AllBeta": true}
	for name, tc := range map[string]struct {
		server  *server
		flags   map[string]bool
		on, off []featuregate.Feature
		refused string
	}{
		"as new as the scheduler": {server: release("1.37"), on: []featuregate.Feature{features.DRADeviceTaintRules}},
		"one minor older": {
			server: release("1.36"), on: []featuregate.Feature{features.DRADeviceTaints, features.DynamicResourceAllocation},
			off: []featuregate.Feature{features.DRADeviceTaintRules},
		},
		"a gate that the user set": {
			server: release("1.36"), flags: map[string]bool{"DRADeviceTaintRules": true},
			refused: "--feature-gates: DRADeviceTaintRules=true needs devicetaintrules.v1.resource.k8s.io, which the API server (v1.36.3) does not serve",
		},
		"a gate that the user turned off": {
			server: release("1.36"), flags: map[string]bool{"DRADeviceTaintRules": false}, off: []featuregate.Feature{features.DRADeviceTaintRules},
		},
		// AllBeta does not say which one was meant.
		"gates that are on by AllAlpha and AllBeta, with those that depend on them": {
			server: release("1.37"), flags: all,
			off: []featuregate.Feature{features.GenericWorkload, features.CompositePodGroup, features.TopologyAwareWorkloadScheduling, features.PodGroupPreemptionPolicy},
			on:  []featuregate.Feature{features.DRADeviceTaintRules, features.SchedulerAsyncAPICalls},
		},
		"a dependent one that the user set": {
			server:  release("1.37"),
			flags:   map[string]bool{"GenericWorkload": true, "PodGroupPreemptionPolicy": true},
			refused: "=true needs podgroups.v1beta1.scheduling.k8s.io",
		},
		"a gate that is locked": {
			server: release("1.33"), refused: "the API server (v1.36.3) does not serve deviceclasses.v1.resource.k8s.io, which this scheduler cannot do without",
		},
	} {
		t.Run(name, func(t *testing.T) {
			gates, err := adapt(t, tc.server, tc.flags)
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("want %q, got %v", tc.refused, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range tc.on {
				if !gates.Enabled(f) {
					t.Errorf("%s is off", f)
				}
			}
			for _, f := range tc.off {
				if gates.Enabled(f) {
					t.Errorf("%s is on", f)
				}
			}
		})
	}
}

// Whatever resource is not served, no gate is left on that needs it: the scheduler would wait for it for ever.
func TestAdaptLeavesNothingToWaitFor(t *testing.T) {
	for _, without := range needs {
		for _, r := range without.resources {
			t.Run(r.Resource, func(t *testing.T) {
				s := &server{serves: map[string][]string{}}
				for _, n := range needs {
					for _, served := range n.resources {
						if served != r {
							s.serves[served.GroupVersion().String()] = append(s.serves[served.GroupVersion().String()], served.Resource)
						}
					}
				}
				gates, err := adapt(t, s, map[string]bool{"AllAlpha": true, "AllBeta": true})
				if err != nil {
					if !strings.Contains(err.Error(), resourceName(r)) {
						t.Errorf("the error does not name it: %v", err)
					}
					return
				}
				if gates.Enabled(without.gate) {
					t.Errorf("%s is on", without.gate)
				}
				for _, n := range needs {
					if n.gate == features.GenericWorkload && n.gate != without.gate && !gates.Enabled(n.gate) {
						t.Errorf("%s is off, and all it needs is served", n.gate)
					}
				}
			})
		}
	}
}

// A server that starts at the same time is waited for; one that refuses, or that does not come, is an error.
func TestAdaptWaits(t *testing.T) {
	down := errors.New("connection refused")
	s := release("1.36")
	s.errs = []error{down}
	if gates, err := adapt(t, s, nil); err != nil || gates.Enabled(features.DRADeviceTaintRules) {
		t.Errorf("a server that came up later: %v", err)
	}

	s = release("1.36")
	s.errs = []error{apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no discovery"))}
	if _, err := adapt(t, s, nil); !apierrors.IsForbidden(err) || s.asked != 1 {
		t.Errorf("a server that forbids discovery, asked %d times: %v", s.asked, err)
	}

	s = &server{errs: []error{down, down, down}}
	a := adapter{server: s, gates: utilfeature.DefaultFeatureGate.DeepCopy().(settable), patience: time.Millisecond, served: map[schema.GroupVersion]map[string]bool{}}
	if err := a.run(t.Context()); !errors.Is(err, down) || !strings.Contains(err.Error(), "resource.k8s.io/v1") {
		t.Errorf("a server that does not come: %v", err)
	}
}
