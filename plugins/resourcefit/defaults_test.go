// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/diff"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	upstreamv1 "k8s.io/kubernetes/pkg/scheduler/apis/config/v1"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
)

// A user who moves from upstream's two plugins to ours gets the same decisions: the
// fields that both have get the same defaults.
func TestDefaultsAreUpstreams(t *testing.T) {
	shape := &kubeschedulerv1.RequestedToCapacityRatioParam{Shape: []kubeschedulerv1.UtilizationShapePoint{{Utilization: 0, Score: 0}, {Utilization: 100, Score: 10}}}
	written := map[string]*kubeschedulerv1.ScoringStrategy{
		"nothing":             nil,
		"the type":            {Type: kubeschedulerv1.MostAllocated},
		"resources":           {Type: kubeschedulerv1.LeastAllocated, Resources: []kubeschedulerv1.ResourceSpec{{Name: "example.com/gpu"}, {Name: "cpu", Weight: 5}}},
		"a shape":             {Type: kubeschedulerv1.RequestedToCapacityRatio, RequestedToCapacityRatio: shape},
		"a shape, and weight": {Type: kubeschedulerv1.RequestedToCapacityRatio, RequestedToCapacityRatio: shape, Resources: []kubeschedulerv1.ResourceSpec{{Name: "cpu"}}},
	}
	for name, strategy := range written {
		t.Run(name, func(t *testing.T) {
			ours := &configv1.ResourceFitArgs{}
			fit, balanced := &kubeschedulerv1.NodeResourcesFitArgs{ScoringStrategy: strategy.DeepCopy()}, &kubeschedulerv1.NodeResourcesBalancedAllocationArgs{}
			if strategy != nil {
				ours.ScoringStrategy = *strategy.DeepCopy()
				ours.BalancedAllocation.Resources = append(ours.BalancedAllocation.Resources, strategy.Resources...)
				balanced.Resources = append(balanced.Resources, strategy.Resources...)
			}
			internal := decodeDefaults(t, ours)
			upstreamv1.SetDefaults_NodeResourcesFitArgs(fit)
			upstreamv1.SetDefaults_NodeResourcesBalancedAllocationArgs(balanced)
			if !equality.Semantic.DeepEqual(internal.ScoringStrategy, *fit.ScoringStrategy) {
				t.Errorf("scoringStrategy: got %v, want %v", internal.ScoringStrategy, *fit.ScoringStrategy)
			}
			if !equality.Semantic.DeepEqual(internal.BalancedAllocation.Resources, balanced.Resources) {
				t.Errorf("balancedAllocation.resources: got %v, want %v", internal.BalancedAllocation.Resources, balanced.Resources)
			}
			if len(internal.IgnoredResources)+len(fit.IgnoredResources)+len(internal.IgnoredResourceGroups)+len(fit.IgnoredResourceGroups) != 0 {
				t.Error("something is ignored that nobody named")
			}
		})
	}
}

// The defaults of the tests in this package are the ones a user gets, but that a user gets
// predictions.
func TestDefaults(t *testing.T) {
	want := defaults()
	want.PredictedPeak = predicting(config.PredictedPeakScore, want.ScoringStrategy.Type).PredictedPeak
	want.PredictedPeak.Score = config.ScoreByHarm
	if got := decodeDefaults(t, &configv1.ResourceFitArgs{}); !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("want (-) and got (+) differ:\n%s", diff.Diff(want, got))
	}
}

func decodeDefaults(t *testing.T, args *configv1.ResourceFitArgs) *config.ResourceFitArgs {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := config.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := configv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	scheme.Default(args)
	internal := &config.ResourceFitArgs{}
	if err := scheme.Convert(args, internal, nil); err != nil {
		t.Fatal(err)
	}
	return internal
}
