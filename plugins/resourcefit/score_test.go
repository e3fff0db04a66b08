// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"fmt"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

func strategy(kind kubeschedulerv1.ScoringStrategyType, shape []kubeschedulerv1.UtilizationShapePoint, resources ...kubeschedulerv1.ResourceSpec) kubeschedulerv1.ScoringStrategy {
	s := kubeschedulerv1.ScoringStrategy{Type: kind, Resources: resources}
	if shape != nil {
		s.RequestedToCapacityRatio = &kubeschedulerv1.RequestedToCapacityRatioParam{Shape: shape}
	}
	return s
}

// Each strategy gives the score its documentation promises. The pod takes 1 of 4 CPUs
// and 4 of 8 GiB of the empty node.
func TestStrategies(t *testing.T) {
	cpu, memory := kubeschedulerv1.ResourceSpec{Name: "cpu", Weight: 1}, kubeschedulerv1.ResourceSpec{Name: "memory", Weight: 1}
	fill := []kubeschedulerv1.UtilizationShapePoint{{Utilization: 0, Score: 0}, {Utilization: 100, Score: 10}}
	half := []kubeschedulerv1.UtilizationShapePoint{{Utilization: 0, Score: 0}, {Utilization: 50, Score: 10}, {Utilization: 100, Score: 0}}
	tests := []struct {
		name     string
		strategy kubeschedulerv1.ScoringStrategy
		want     int64
	}{
		{"LeastAllocated: the mean of 75 and 50", strategy(kubeschedulerv1.LeastAllocated, nil, cpu, memory), 62},
		{"MostAllocated: the mean of 25 and 50", strategy(kubeschedulerv1.MostAllocated, nil, cpu, memory), 37},
		{"LeastAllocated, cpu three times", strategy(kubeschedulerv1.LeastAllocated, nil, kubeschedulerv1.ResourceSpec{Name: "cpu", Weight: 3}, memory), 68},
		{"a rising shape is MostAllocated", strategy(kubeschedulerv1.RequestedToCapacityRatio, fill, memory), 50},
		{"a peak at half", strategy(kubeschedulerv1.RequestedToCapacityRatio, half, memory), 100},
		{"on the way to the peak", strategy(kubeschedulerv1.RequestedToCapacityRatio, half, cpu), 50},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			args := defaults()
			args.ScoringStrategy, args.BalancedAllocation.Weight = tc.strategy, 0
			s := newScheduler(t, args, gates(), []*v1.Node{big("n")})
			if got := s.score(t, plugintest.Pod("p", "", amounts{"cpu": "1", "memory": "4Gi"}, nil), s.nodes[0]); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

// One plugin with weights is the two of upstream with weights: the mean of ours times
// the sum of weights is their sum, but for what the division drops.
func TestWeightedMean(t *testing.T) {
	there := []*v1.Pod{plugintest.Pod("a", "busy-cpu", amounts{"cpu": "3", "memory": "1Gi"}, nil), plugintest.Pod("b", "busy-memory", amounts{"cpu": "500m", "memory": "6Gi"}, nil)}
	nodes := []*v1.Node{big("empty"), big("busy-cpu"), big("busy-memory"), st.MakeNode().Name("odd").Capacity(amounts{"cpu": "2", "memory": "64Gi"}).Obj()}
	pods := map[string]*v1.Pod{
		"balanced":    plugintest.Pod("p", "", amounts{"cpu": "500m", "memory": "1Gi"}, nil),
		"cpu only":    plugintest.Pod("p", "", amounts{"cpu": "1"}, nil),
		"best effort": plugintest.Pod("p", "", nil, nil),
		"limits only": plugintest.Pod("p", "", nil, amounts{"cpu": "1"}),
	}
	for _, weight := range []int32{0, 1, 3, 100} {
		args := defaults()
		args.BalancedAllocation.Weight = weight
		s := newScheduler(t, args, gates(), nodes, there...)
		resources := []kubeschedulerconfig.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}
		fit, err := noderesources.NewFit(t.Context(), &kubeschedulerconfig.NodeResourcesFitArgs{ScoringStrategy: &kubeschedulerconfig.ScoringStrategy{
			Type: kubeschedulerconfig.LeastAllocated, Resources: resources}}, plugintest.Handle(t, s.snapshot), gates())
		if err != nil {
			t.Fatal(err)
		}
		balanced, err := noderesources.NewBalancedAllocation(t.Context(), &kubeschedulerconfig.NodeResourcesBalancedAllocationArgs{Resources: resources}, plugintest.Handle(t, s.snapshot), gates())
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range pods {
			for _, n := range s.nodes {
				fitScore, balancedScore := upstreamScore(t, fit, p, s.nodes, n), upstreamScore(t, balanced, p, s.nodes, n)
				want := (fitScore + int64(weight)*balancedScore) / (1 + int64(weight))
				if got := s.score(t, p, n); got != want {
					t.Errorf("weight %d, %s pod on %s: got %d, want the mean %d of %d and %d", weight, name, n.Node().Name, got, want, fitScore, balancedScore)
				}
			}
		}
	}
}

// upstreamScore is the score of a plugin in a profile: 0 where it skips.
func upstreamScore(t *testing.T, plugin fwk.Plugin, pod *v1.Pod, nodes []fwk.NodeInfo, node fwk.NodeInfo) int64 {
	t.Helper()
	state := framework.NewCycleState()
	if status := plugin.(fwk.PreScorePlugin).PreScore(t.Context(), state, pod, nodes); status.IsSkip() {
		return 0
	} else if !status.IsSuccess() {
		t.Fatal(status)
	}
	score, status := plugin.(fwk.ScorePlugin).Score(t.Context(), state, pod, node)
	if !status.IsSuccess() {
		t.Fatal(status)
	}
	return score
}

// Resources that the profile leaves to others are left alone by the filter.
func TestIgnoredResources(t *testing.T) {
	p := plugintest.Pod("p", "", amounts{"example.com/foo": "1", "example.org/bar": "1"}, amounts{"example.com/foo": "1", "example.org/bar": "1"})
	s := newScheduler(t, defaults(), gates(), []*v1.Node{big("n")})
	if got := s.filter(t, p, s.nodes[0]); got.Code() != fwk.UnschedulableAndUnresolvable {
		t.Errorf("got %v", got)
	}
	args := defaults()
	args.IgnoredResources, args.IgnoredResourceGroups = []string{"example.com/foo"}, []string{"example.org"}
	s = newScheduler(t, args, gates(), []*v1.Node{big("n")})
	if got := s.filter(t, p, s.nodes[0]); !got.IsSuccess() {
		t.Errorf("got %v", got)
	}
}

// Wrong args are refused with the place in the file, whoever of the two finds them.
func TestNewRefuses(t *testing.T) {
	cpu := kubeschedulerv1.ResourceSpec{Name: "cpu", Weight: 1}
	shape := func(points ...kubeschedulerv1.UtilizationShapePoint) kubeschedulerv1.ScoringStrategy {
		return strategy(kubeschedulerv1.RequestedToCapacityRatio, append([]kubeschedulerv1.UtilizationShapePoint{}, points...), cpu)
	}
	const path = "pluginConfig[ResourceFit].args."
	tests := []struct {
		edit func(*config.ResourceFitArgs)
		says []string
	}{
		{func(a *config.ResourceFitArgs) { a.ScoringStrategy = strategy("BestFit", nil, cpu) }, []string{path + "scoringStrategy.type", "LeastAllocated"}},
		{func(a *config.ResourceFitArgs) {
			a.ScoringStrategy = strategy(kubeschedulerv1.RequestedToCapacityRatio, nil, cpu)
		}, []string{path + "scoringStrategy.requestedToCapacityRatio"}},
		{func(a *config.ResourceFitArgs) { a.ScoringStrategy = shape() }, []string{path + "scoringStrategy.requestedToCapacityRatio.shape", "at least one point"}},
		{func(a *config.ResourceFitArgs) {
			a.ScoringStrategy = shape(kubeschedulerv1.UtilizationShapePoint{Utilization: 0, Score: 11})
		}, []string{path + "scoringStrategy.requestedToCapacityRatio.shape[0].score", "[0, 10]"}},
		{func(a *config.ResourceFitArgs) {
			a.ScoringStrategy = shape(kubeschedulerv1.UtilizationShapePoint{Utilization: 50}, kubeschedulerv1.UtilizationShapePoint{Utilization: 50})
		}, []string{path + "scoringStrategy.requestedToCapacityRatio.shape[1].utilization", "increasing order"}},
		{func(a *config.ResourceFitArgs) {
			a.ScoringStrategy = strategy(kubeschedulerv1.LeastAllocated, nil, kubeschedulerv1.ResourceSpec{Name: "cpu", Weight: 101})
		}, []string{path + "scoringStrategy.resources[0].weight", "(0, 100]"}},
		{func(a *config.ResourceFitArgs) { a.IgnoredResourceGroups = []string{"example.com/foo"} }, []string{path + "ignoredResourceGroups[0]"}},
		{func(a *config.ResourceFitArgs) { a.BalancedAllocation.Weight = 101 }, []string{path + "balancedAllocation.weight", "[0-100]"}},
		{func(a *config.ResourceFitArgs) { a.LimitsGuard.Mode = config.LimitsGuardFilter }, []string{path + "limitsGuard.max"}},
	}
	for i, tc := range tests {
		t.Run(fmt.Sprint(i, tc.says), func(t *testing.T) {
			args := defaults()
			tc.edit(args)
			_, err := NewFactory(Forecasts{})(t.Context(), args, plugintest.Handle(t, nil), gates())
			for _, says := range tc.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("got error %v, want one that says %s", err, says)
				}
			}
		})
	}
	if _, err := NewFactory(Forecasts{})(t.Context(), &config.TaintsArgs{}, plugintest.Handle(t, nil), gates()); err == nil || !strings.Contains(err.Error(), "ResourceFitArgs") {
		t.Errorf("args of another plugin: got error %v", err)
	}
}
