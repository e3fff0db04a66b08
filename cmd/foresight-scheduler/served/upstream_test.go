// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package served

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/component-base/featuregate"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/profile"
)

// always are the resources that upstream's scheduler waits for whatever its gates are. Kubernetes has served them all, in these
// versions and by default, since 1.24.
var always = sets.New(
	"csidrivers.v1.storage.k8s.io", "csinodes.v1.storage.k8s.io", "csistoragecapacities.v1.storage.k8s.io",
	"namespaces.v1", "nodes.v1", "persistentvolumeclaims.v1", "persistentvolumes.v1", "poddisruptionbudgets.v1.policy", "pods.v1",
	"replicasets.v1.apps", "replicationcontrollers.v1", "services.v1", "statefulsets.v1.apps",
	"storageclasses.v1.storage.k8s.io", "volumeattachments.v1.storage.k8s.io",
)

// The table of gates that need an API is all there is in upstream's code: the scheduler is built once for every gate there is,
// with only that one on and what it depends on, and the caches that it would wait for are looked at.
func TestNeedsAreUpstreams(t *testing.T) {
	all := utilfeature.DefaultMutableFeatureGate.GetAll()
	locked := func(f featuregate.Feature) bool { return all[f].LockToDefault }
	off := featuregatetesting.FeatureOverrides{}
	for f, spec := range all {
		if f != "AllAlpha" && f != "AllBeta" && !locked(f) && spec.PreRelease != featuregate.PreAlpha {
			off[f] = false
		}
	}
	without := cachesWith(t, off)
	// What is on and cannot be turned off is there, too.
	want := always.Clone()
	for _, n := range needs {
		if locked(n.gate) {
			want.Insert(names(n.resources)...)
		}
	}
	if diff := cmp.Diff(sets.List(want), sets.List(without)); diff != "" {
		t.Errorf("with all gates off that can be, the scheduler waits for other resources (-want +got):\n%s", diff)
	}

	got, declared := map[featuregate.Feature][]string{}, map[featuregate.Feature][]string{}
	for _, f := range slices.Sorted(maps.Keys(off)) {
		on := maps.Clone(off)
		for _, d := range requirements(f) {
			if !locked(d) {
				on[d] = true
			}
		}
		before := cachesWith(t, on)
		on[f] = true
		if more := cachesWith(t, on).Difference(before); len(more) > 0 {
			got[f] = sets.List(more)
		}
	}
	for _, n := range needs {
		if !locked(n.gate) {
			declared[n.gate] = names(n.resources)
		}
	}
	if diff := cmp.Diff(declared, got); diff != "" {
		t.Errorf("gates and the resources they need (-table +upstream):\n%s", diff)
	}
	if len(got) == 0 || !locked(features.DynamicResourceAllocation) {
		t.Error("this test finds nothing, or asks wrongly")
	}
}

// requirements returns all gates that a gate needs, itself not among them.
func requirements(f featuregate.Feature) []featuregate.Feature {
	dependencies := utilfeature.DefaultMutableFeatureGate.Dependencies()
	found := slices.Clone(dependencies[f])
	for i := 0; i < len(found); i++ {
		for _, d := range dependencies[found[i]] {
			if !slices.Contains(found, d) {
				found = append(found, d)
			}
		}
	}
	return found
}

// cachesWith returns the resources whose caches upstream's scheduler waits for with these gates.
func cachesWith(t *testing.T, gates featuregatetesting.FeatureOverrides) sets.Set[string] {
	t.Helper()
	found := sets.New[string]()
	set := func(t *testing.T) {
		featuregatetesting.SetFeatureGatesDuringTest(t, utilfeature.DefaultFeatureGate, gates)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := fake.NewClientset()
		informers := scheduler.NewInformerFactory(client, 0, nil)
		recorder := profile.RecorderFactory(func(string) events.EventRecorderLogger { return events.NewFakeRecorder(1) })
		if _, err := scheduler.New(ctx, client, informers, nil, recorder); err != nil {
			t.Fatal(err)
		}
		// None of them runs for long; all count as started.
		cancel()
		informers.Start(ctx.Done())
		for kind := range informers.WaitForCacheSync(ctx.Done()) {
			found.Insert(resourceName(resourceOf(kind)))
		}
		informers.Shutdown()
	}
	if !t.Run("", set) {
		t.FailNow()
	}
	return found
}

// A type that client-go does not know is named, too.
func TestResourceOfUnknownType(t *testing.T) {
	if got := resourceName(resourceOf(reflect.TypeFor[struct{}]())); got != "struct {}" {
		t.Errorf("got %q", got)
	}
}
