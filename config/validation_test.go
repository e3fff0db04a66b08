// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// complaint is an error as a user reads it: which field, and what about it.
type complaint struct{ field, says string }

// expect checks that exactly the wanted complaints are made, in order.
func expect(t *testing.T, got field.ErrorList, want ...complaint) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d errors, want %d: %v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].Field != w.field {
			t.Errorf("error %d is about %q, want %q", i, got[i].Field, w.field)
		}
		if message := got[i].Error(); !strings.Contains(message, w.field) || !strings.Contains(message, w.says) {
			t.Errorf("error %d is %q, want it to name %q and say %q", i, message, w.field, w.says)
		}
	}
}

// A path must lead a user to the line in the file, so it names the plugin's entry.
func TestArgsPath(t *testing.T) {
	if got := ArgsPath("Affinity").String(); got != "pluginConfig[Affinity].args" {
		t.Errorf("got %q", got)
	}
}

func TestValidateAffinityArgs(t *testing.T) {
	const (
		together = "pluginConfig[Affinity].args.serviceAffinity.labels"
		apart    = "pluginConfig[Affinity].args.serviceAntiAffinity"
	)
	tests := []struct {
		name string
		edit func(*AffinityArgs)
		want []complaint
	}{
		{name: "nothing but the default weight", edit: func(*AffinityArgs) {}},
		{name: "labels of both kinds, the same label in both", edit: func(a *AffinityArgs) {
			a.ServiceAffinity.Labels = []string{"topology.kubernetes.io/zone", "rack"}
			a.ServiceAntiAffinity.Labels = []string{"rack"}
		}},
		{name: "the highest weight", edit: func(a *AffinityArgs) { a.ServiceAntiAffinity.Weight = 100 }},
		{name: "weight 0", edit: func(a *AffinityArgs) { a.ServiceAntiAffinity.Weight = 0 },
			want: []complaint{{apart + ".weight", "not in valid range [1-100]"}}},
		{name: "weight 101", edit: func(a *AffinityArgs) { a.ServiceAntiAffinity.Weight = 101 },
			want: []complaint{{apart + ".weight", "not in valid range [1-100]"}}},
		{name: "an empty key", edit: func(a *AffinityArgs) { a.ServiceAffinity.Labels = []string{"rack", ""} },
			want: []complaint{{together + "[1]", "name part must be non-empty"}, {together + "[1]", "must consist of alphanumeric"}}},
		{name: "a key with a space", edit: func(a *AffinityArgs) { a.ServiceAntiAffinity.Labels = []string{"my rack"} },
			want: []complaint{{apart + ".labels[0]", "must consist of alphanumeric"}}},
		{name: "a key with two slashes", edit: func(a *AffinityArgs) { a.ServiceAffinity.Labels = []string{"a/b/c"} },
			want: []complaint{{together + "[0]", "must consist of alphanumeric"}}},
		{name: "a key twice", edit: func(a *AffinityArgs) { a.ServiceAffinity.Labels = []string{"rack", "zone", "rack"} },
			want: []complaint{{together + "[2]", `Duplicate value: "rack"`}}},
		{name: "one fault in each field gives all of them", edit: func(a *AffinityArgs) {
			a.ServiceAffinity.Labels = []string{"-"}
			a.ServiceAntiAffinity = ServiceAntiAffinity{Labels: []string{"-"}, Weight: -1}
		}, want: []complaint{{together + "[0]", ""}, {apart + ".labels[0]", ""}, {apart + ".weight", "-1"}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			args := &AffinityArgs{ServiceAntiAffinity: ServiceAntiAffinity{Weight: 1}}
			tc.edit(args)
			expect(t, ValidateAffinityArgs(ArgsPath("Affinity"), args), tc.want...)
		})
	}
}

// A scheduler evicts nobody for a forecast, so of the taint effects two are allowed.
func TestValidateTaintsArgs(t *testing.T) {
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoSchedule} {
		expect(t, ValidateTaintsArgs(ArgsPath("Taints"), &TaintsArgs{PredictedPressure: PredictedPressure{Effect: effect}}))
	}
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoExecute, "", "noschedule"} {
		errs := ValidateTaintsArgs(ArgsPath("Taints"), &TaintsArgs{PredictedPressure: PredictedPressure{Effect: effect}})
		expect(t, errs, complaint{"pluginConfig[Taints].args.predictedPressure.effect", `supported values: "PreferNoSchedule", "NoSchedule"`})
	}
}

func TestValidateResourceFitArgs(t *testing.T) {
	const (
		balanced = "pluginConfig[ResourceFit].args.balancedAllocation"
		guard    = "pluginConfig[ResourceFit].args.limitsGuard"
		peak     = "pluginConfig[ResourceFit].args.predictedPeak"
	)
	tests := []struct {
		name string
		edit func(*ResourceFitArgs)
		want []complaint
	}{
		{name: "the guard off", edit: func(*ResourceFitArgs) {}},
		{name: "every kind of resource at both ends of the range", edit: func(a *ResourceFitArgs) {
			a.LimitsGuard = LimitsGuard{Mode: LimitsGuardFilter, Max: []LimitsBound{
				{corev1.ResourceCPU, 1}, {corev1.ResourceMemory, 10000}, {corev1.ResourceEphemeralStorage, 100}, {"example.com/gpu", 100},
			}}
		}},
		{name: "bounds kept while the guard is off", edit: func(a *ResourceFitArgs) {
			a.LimitsGuard = LimitsGuard{Mode: LimitsGuardNone, Max: []LimitsBound{{corev1.ResourceCPU, 100}}}
		}},
		{name: "balancing off", edit: func(a *ResourceFitArgs) { a.BalancedAllocation.Weight = 0 }},
		{name: "balancing at its most", edit: func(a *ResourceFitArgs) { a.BalancedAllocation.Weight = 100 }},
		{name: "weight -1", edit: func(a *ResourceFitArgs) { a.BalancedAllocation.Weight = -1 },
			want: []complaint{{balanced + ".weight", "not in valid range [0-100]"}}},
		{name: "weight 101", edit: func(a *ResourceFitArgs) { a.BalancedAllocation.Weight = 101 },
			want: []complaint{{balanced + ".weight", "not in valid range [0-100]"}}},
		{name: "balanced resources with faults", edit: func(a *ResourceFitArgs) {
			a.BalancedAllocation.Resources = []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 2}, {Name: "", Weight: 1}, {Name: "cpu", Weight: 1}, {Name: "a b", Weight: 1}}
		}, want: []complaint{
			{balanced + ".resources[0].weight", "must be 1"},
			{balanced + ".resources[1].name", "Required"},
			{balanced + ".resources[2].name", `Duplicate value: "cpu"`},
			{balanced + ".resources[3].name", `"a b"`},
		}},
		{name: "half of the pods held out", edit: func(a *ResourceFitArgs) { a.PredictedPeak.HeldOutPercent = 50 }},
		{name: "most pods held out", edit: func(a *ResourceFitArgs) { a.PredictedPeak.HeldOutPercent = 51 },
			want: []complaint{{peak + ".heldOutPercent", "not in valid range [0-50]"}}},
		{name: "pods held out of nothing", edit: func(a *ResourceFitArgs) {
			a.PredictedPeak.Mode, a.PredictedPeak.HeldOutPercent = PredictedPeakNone, 10
		}, want: []complaint{{peak + ".heldOutPercent", "nothing is predicted in mode None"}}},
		{name: "an unknown mode", edit: func(a *ResourceFitArgs) { a.LimitsGuard.Mode = "Refuse" },
			want: []complaint{{guard + ".mode", `supported values: "None", "Score", "Filter"`}}},
		{name: "Filter without a bound", edit: func(a *ResourceFitArgs) { a.LimitsGuard.Mode = LimitsGuardFilter },
			want: []complaint{{guard + ".max", "mode Filter needs a bound for at least one resource"}}},
		{name: "Score without a bound", edit: func(a *ResourceFitArgs) { a.LimitsGuard.Mode = LimitsGuardScore },
			want: []complaint{{guard + ".max", "mode Score needs a bound for at least one resource"}}},
		{name: "bounds with faults, also while the guard is off", edit: func(a *ResourceFitArgs) {
			a.LimitsGuard.Max = []LimitsBound{{corev1.ResourceCPU, 0}, {corev1.ResourceMemory, 10001}, {"", 100}, {corev1.ResourceCPU, 100}, {"-", 100}}
		}, want: []complaint{
			{guard + ".max[0].percentOfAllocatable", "not in valid range [1-10000]"},
			{guard + ".max[1].percentOfAllocatable", "not in valid range [1-10000]"},
			{guard + ".max[2].resource", "Required"},
			{guard + ".max[3].resource", `Duplicate value: "cpu"`},
			{guard + ".max[4].resource", `"-"`},
		}},
		{name: "predicted peaks at both ends of the range", edit: func(a *ResourceFitArgs) {
			a.PredictedPeak = PredictedPeak{Mode: PredictedPeakFilter, Score: ScoreByStrategy, Max: []PeakBound{{corev1.ResourceCPU, 1}, {corev1.ResourceMemory, 1000}}}
		}},
		{name: "predicted peaks with faults", edit: func(a *ResourceFitArgs) {
			a.PredictedPeak = PredictedPeak{Mode: "On", Max: []PeakBound{{corev1.ResourceCPU, 0}, {"example.com/gpu", 100}, {corev1.ResourceCPU, 1001}}}
		}, want: []complaint{
			{peak + ".max[0].percentOfAllocatable", "not in valid range [1-1000]"},
			{peak + ".max[1].resource", `supported values: "cpu", "memory"`},
			{peak + ".max[2].percentOfAllocatable", "not in valid range [1-1000]"},
			{peak + ".max[2].resource", `Duplicate value: "cpu"`},
			{peak + ".mode", `supported values: "None", "Score", "Filter"`},
			{peak + ".score", `supported values: "Harm", "Strategy"`},
		}},
		{name: "harm for a strategy that spreads", edit: func(a *ResourceFitArgs) {
			a.ScoringStrategy.Type, a.PredictedPeak.Score = kubeschedulerv1.LeastAllocated, ScoreByHarm
		}},
		{name: "harm for a strategy that packs", edit: func(a *ResourceFitArgs) {
			a.ScoringStrategy.Type, a.PredictedPeak.Score = kubeschedulerv1.MostAllocated, ScoreByHarm
		}, want: []complaint{{peak + ".score", "the scoring strategy MostAllocated does not: want Strategy"}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			args := &ResourceFitArgs{LimitsGuard: LimitsGuard{Mode: LimitsGuardNone}, PredictedPeak: PredictedPeak{Mode: PredictedPeakScore, Score: ScoreByStrategy}}
			tc.edit(args)
			expect(t, ValidateResourceFitArgs(ArgsPath("ResourceFit"), args), tc.want...)
		})
	}
}

// A name that no node offers would make a bound that silently never binds, which is
// worse than an error: the owner believes the nodes are guarded.
func TestResourceNamesThatCannotBind(t *testing.T) {
	for _, name := range []corev1.ResourceName{"cpus", "Memory", "limits.cpu", "pods"} {
		errs := ValidateResourceFitArgs(ArgsPath("ResourceFit"), &ResourceFitArgs{PredictedPeak: PredictedPeak{Mode: PredictedPeakNone},
			LimitsGuard: LimitsGuard{Mode: LimitsGuardFilter, Max: []LimitsBound{{name, 100}}},
		})
		if len(errs) != 1 || errs[0].Field != "pluginConfig[ResourceFit].args.limitsGuard.max[0].resource" {
			t.Errorf("%q: got %v, want one error about max[0].resource", name, errs)
		}
	}
}

// Plugins keep args, so a copy must not share what it points to.
func TestDeepCopyShares(t *testing.T) {
	labels := []string{"zone"}
	args := &AffinityArgs{ServiceAffinity: ServiceAffinity{Labels: labels}}
	copied := args.DeepCopyObject().(*AffinityArgs)
	labels[0] = "rack"
	if !slices.Equal(copied.ServiceAffinity.Labels, []string{"zone"}) {
		t.Errorf("the copy follows the original: %v", copied.ServiceAffinity.Labels)
	}
}

// Each mistake in an objective is told by its field.
func TestQoSObjectives(t *testing.T) {
	path := field.NewPath("objectives")
	for _, c := range []struct {
		objective QoSObjective
		want      string
	}{
		{QoSObjective{Objective: "latency", ResponseTime: metav1.Duration{Duration: time.Second}}, ""},
		{QoSObjective{Namespaces: []string{"shop"}, Workload: "Deployment/web", MaxThrottledPercent: 1}, ""},
		{QoSObjective{}, "objectives[0]: Required"},
		{QoSObjective{Objective: "fast"}, "objectives[0].objective: Unsupported"},
		{QoSObjective{Objective: "batch", ResponseTime: metav1.Duration{Duration: time.Second}}, "objectives[0].responseTime"},
		{QoSObjective{Objective: "batch", Workload: "web"}, "objectives[0].workload"},
		{QoSObjective{Objective: "latency", Workload: "Deployment/web"}, "objectives[0].namespaces: Required"},
		{QoSObjective{Objective: "latency", Workload: "Deployment/web", PriorityClassName: "critical"}, "objectives[0].namespaces: Required"},
		{QoSObjective{Objective: "latency", PriorityClassName: "critical"}, ""},
		{QoSObjective{Objective: "batch", Namespaces: []string{"a", "B_"}}, "objectives[0].namespaces[1]"},
		{QoSObjective{Objective: "batch", MaxThrottledPercent: 101}, "objectives[0].maxThrottledPercent"},
		{QoSObjective{ResponseTime: metav1.Duration{Duration: 2 * time.Hour}}, "objectives[0].responseTime"},
		{QoSObjective{Name: "p99", Query: "x", AtMost: resource.MustParse("200m"), Unit: "seconds"}, ""},
		{QoSObjective{Name: "p99", Query: "x", AtMost: resource.MustParse("1"), Objective: "batch", MaxThrottledPercent: 1}, ""},
		{QoSObjective{Name: "P 99", Objective: "batch"}, "objectives[0].name: Invalid"},
		{QoSObjective{Query: "x", AtMost: resource.MustParse("1")}, "objectives[0].name: Required"},
		{QoSObjective{Name: "p99", Query: "x"}, "objectives[0].atMost: Invalid"},
		{QoSObjective{Name: "p99", Query: "x", AtMost: resource.MustParse("-1")}, "objectives[0].atMost: Invalid"},
		{QoSObjective{Name: "p99", Query: " \n", AtMost: resource.MustParse("1")}, "objectives[0].query: Required"},
		{QoSObjective{Name: "p99", Query: strings.Repeat("x", 4097), AtMost: resource.MustParse("1")}, "objectives[0].query: Too long"},
		{QoSObjective{Name: "p99", Query: strings.Repeat("x", 4096), AtMost: resource.MustParse("1")}, ""},
		{QoSObjective{Name: "p99", Query: "x", AtMost: resource.MustParse("1"), Unit: "ms"}, "objectives[0].unit: Unsupported"},
		{QoSObjective{Name: "p99", Query: "x", AtMost: resource.MustParse("1"), ResponseTime: metav1.Duration{Duration: time.Second}}, "objectives[0].responseTime: Forbidden"},
		{QoSObjective{Objective: "batch", AtMost: resource.MustParse("1")}, "objectives[0].atMost: Forbidden"},
		{QoSObjective{Objective: "batch", Unit: "share"}, "objectives[0].unit: Forbidden"},
	} {
		err := validateQoSObjectives(path, []QoSObjective{c.objective}).ToAggregate()
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.objective, err, c.want)
		}
	}
	twice := slices.Repeat([]QoSObjective{{Name: "a", Objective: "batch"}}, 2)
	if errs := validateQoSObjectives(path, twice); len(errs) != 1 || errs[0].Field != "objectives[1].name" {
		t.Errorf("two of a name: %v", errs)
	}
	if errs := validateQoSObjectives(path, slices.Repeat([]QoSObjective{{Objective: "batch"}}, 101)); len(errs) != 1 {
		t.Errorf("101 objectives: %v", errs)
	}
}
