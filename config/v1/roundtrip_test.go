// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/diff"
	"sigs.k8s.io/randfill"

	"github.com/foresight-scheduler/foresight/config"
)

// Whatever a user writes, going to the internal type and back loses nothing. Defaults
// come first, as they do in kube-scheduler, since a pointer without a value has no
// counterpart inside.
func TestRoundTrip(t *testing.T) {
	const seed = 20240229
	fill := randfill.NewWithSeed(seed).NilChance(0.2).NumElements(0, 4)
	scheme := runtime.NewScheme()
	if err := config.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	kinds := []struct{ versioned, internal func() runtime.Object }{
		{func() runtime.Object { return &AffinityArgs{} }, func() runtime.Object { return &config.AffinityArgs{} }},
		{func() runtime.Object { return &TaintsArgs{} }, func() runtime.Object { return &config.TaintsArgs{} }},
		{func() runtime.Object { return &ResourceFitArgs{} }, func() runtime.Object { return &config.ResourceFitArgs{} }},
		{func() runtime.Object { return &ClaimsArgs{} }, func() runtime.Object { return &config.ClaimsArgs{} }},
		{func() runtime.Object { return &PredictionArgs{} }, func() runtime.Object { return &config.PredictionArgs{} }},
		{func() runtime.Object { return &ShadowArgs{} }, func() runtime.Object { return &config.ShadowArgs{} }},
		{func() runtime.Object { return &PredictedQoSArgs{} }, func() runtime.Object { return &config.PredictedQoSArgs{} }},
	}
	for _, kind := range kinds {
		for range 200 {
			original, back := kind.versioned(), kind.versioned()
			fill.Fill(original)
			original.GetObjectKind().SetGroupVersionKind(back.GetObjectKind().GroupVersionKind())
			scheme.Default(original)
			internal := kind.internal()
			if err := scheme.Convert(original.DeepCopyObject(), internal, nil); err != nil {
				t.Fatal(err)
			}
			if err := scheme.Convert(internal, back, nil); err != nil {
				t.Fatal(err)
			}
			if !equality.Semantic.DeepEqual(original, back) {
				t.Fatalf("seed %d: %T changed on the way:\n%s", seed, original, diff.Diff(original, back))
			}
		}
	}
}

// Defaults are a fixed point: an object that has them does not change again.
func TestDefaultsTwice(t *testing.T) {
	fill := randfill.NewWithSeed(7).NilChance(0.5).NumElements(0, 3)
	for range 100 {
		args := &ResourceFitArgs{}
		fill.Fill(args)
		SetObjectDefaults_ResourceFitArgs(args)
		once := args.DeepCopy()
		SetObjectDefaults_ResourceFitArgs(args)
		if !equality.Semantic.DeepEqual(once, args) {
			t.Fatalf("once and twice differ:\n%s", diff.Diff(once, args))
		}
	}
}
