// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

// expectCPU measures what a pod counts for, in thousandths of a CPU, through the
// guard's own answer: beside the pod there is room for exactly the rest.
func expectCPU(t *testing.T, s func(there *v1.Pod) guarded, there *v1.Pod, want int64) {
	t.Helper()
	const room = 100_000 // A node of 100 CPUs, bounded at 100 %.
	guard := s(there)
	limit := func(milli int64) *v1.Pod {
		p := plugintest.Pod("p", "", nil, amounts{"cpu": "1"})
		p.Spec.Containers[0].Resources.Limits["cpu"] = *resource.NewMilliQuantity(milli, resource.DecimalSI)
		return p
	}
	if got := guard.filter(limit(room-want), guard.nodes[0]); !got.IsSuccess() {
		t.Errorf("the pod counts for more than %dm", want)
	}
	if got := guard.filter(limit(room-want+1), guard.nodes[0]); got.IsSuccess() {
		t.Errorf("the pod counts for less than %dm", want)
	}
}

func ofHundred(t *testing.T) func(there *v1.Pod) guarded {
	return func(there *v1.Pod) guarded {
		node := st.MakeNode().Name("n").Capacity(amounts{"cpu": "100", "memory": "100Gi"}).Obj()
		return guard(t, config.LimitsGuardFilter, percents(100, "cpu"), []*v1.Node{node}, there)
	}
}

func always(c v1.Container) v1.Container {
	policy := v1.ContainerRestartPolicyAlways
	c.RestartPolicy = &policy
	return c
}

// A pod counts for what it may use at its worst moment.
func TestPodLimits(t *testing.T) {
	limit := func(cpu string) v1.Container { return plugintest.Container("c"+cpu, nil, amounts{"cpu": cpu}) }
	tests := []struct {
		name string
		spec v1.PodSpec
		want int64
	}{
		{"containers run side by side", v1.PodSpec{Containers: []v1.Container{limit("1"), limit("2")}}, 3000},
		{"a request without a limit", v1.PodSpec{Containers: []v1.Container{plugintest.Container("c", amounts{"cpu": "700m"}, nil)}}, 700},
		{"nothing", v1.PodSpec{Containers: []v1.Container{plugintest.Container("c", nil, nil)}}, 0},
		{"init containers run before", v1.PodSpec{InitContainers: []v1.Container{limit("5"), limit("4")}, Containers: []v1.Container{limit("1"), limit("2")}}, 5000},
		{"an init container smaller than the rest", v1.PodSpec{InitContainers: []v1.Container{limit("2")}, Containers: []v1.Container{limit("3")}}, 3000},
		{"a sidecar runs on", v1.PodSpec{InitContainers: []v1.Container{always(limit("2"))}, Containers: []v1.Container{limit("3")}}, 5000},
		{"a sidecar beside a later init container", v1.PodSpec{InitContainers: []v1.Container{always(limit("2")), limit("6")}, Containers: []v1.Container{limit("3")}}, 8000},
		{"overhead comes on top of a limit", v1.PodSpec{Containers: []v1.Container{limit("1")}, Overhead: plugintest.Quantities(amounts{"cpu": "250m"})}, 1250},
		{"overhead comes on top of a request", v1.PodSpec{Containers: []v1.Container{plugintest.Container("c", amounts{"cpu": "1"}, nil)}, Overhead: plugintest.Quantities(amounts{"cpu": "250m"})}, 1250},
		{"a pod-level limit holds for all containers", v1.PodSpec{
			Resources:  &v1.ResourceRequirements{Limits: plugintest.Quantities(amounts{"cpu": "2"})},
			Containers: []v1.Container{plugintest.Container("a", amounts{"cpu": "1"}, nil), plugintest.Container("b", nil, nil)}}, 2000},
		{"a pod-level request without a limit", v1.PodSpec{
			Resources:  &v1.ResourceRequirements{Requests: plugintest.Quantities(amounts{"cpu": "2"})},
			Containers: []v1.Container{plugintest.Container("a", amounts{"cpu": "1"}, nil)}}, 2000},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			there := plugintest.Pod("a", "n", nil, nil)
			there.Spec = tc.spec
			there.Spec.NodeName = "n"
			expectCPU(t, ofHundred(t), there, tc.want)
		})
	}
}

// One container's limit says nothing about another container that has none.
func TestPodLimitsOfMixedContainers(t *testing.T) {
	there := plugintest.Pod("a", "n", nil, nil)
	there.Spec.Containers = []v1.Container{
		plugintest.Container("limited", amounts{"cpu": "100m"}, amounts{"cpu": "3"}),
		plugintest.Container("unlimited", amounts{"cpu": "2"}, nil),
	}
	expectCPU(t, ofHundred(t), there, 5000)
}

// While a pod is resized, what it has and what it will have both count, by the larger.
func TestPodLimitsDuringResize(t *testing.T) {
	resized := func(spec, actual string, conditions ...v1.PodCondition) *v1.Pod {
		p := plugintest.Pod("a", "n", amounts{"cpu": "1"}, amounts{"cpu": spec})
		p.Status.Conditions = conditions
		p.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "c",
			AllocatedResources: plugintest.Quantities(amounts{"cpu": "1"}),
			Resources:          &v1.ResourceRequirements{Requests: plugintest.Quantities(amounts{"cpu": "1"}), Limits: plugintest.Quantities(amounts{"cpu": actual})}}}
		return p
	}
	infeasible := v1.PodCondition{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: v1.PodReasonInfeasible}
	t.Run("down", func(t *testing.T) { expectCPU(t, ofHundred(t), resized("2", "4"), 4000) })
	t.Run("up", func(t *testing.T) { expectCPU(t, ofHundred(t), resized("4", "2"), 4000) })
	t.Run("up, infeasible", func(t *testing.T) { expectCPU(t, ofHundred(t), resized("40", "2", infeasible), 2000) })
}

// In the midst of a resize, too, a container without a limit counts with its request beside others that have one: with what it
// has, where what it shall have is infeasible.
func TestMixedContainersDuringResize(t *testing.T) {
	infeasible := v1.PodCondition{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: v1.PodReasonInfeasible}
	cpu := func(v string) v1.ResourceList { return plugintest.Quantities(amounts{"cpu": v}) }
	for name, tc := range map[string]struct {
		status     v1.ContainerStatus // of the one without a limit, which shall have 30 and has 2
		conditions []v1.PodCondition
		want       int64
	}{
		"infeasible, allocated":           {v1.ContainerStatus{AllocatedResources: cpu("2")}, []v1.PodCondition{infeasible}, 5000},
		"infeasible, actuated":            {v1.ContainerStatus{Resources: &v1.ResourceRequirements{Requests: cpu("2")}}, []v1.PodCondition{infeasible}, 5000},
		"infeasible, an empty limit list": {v1.ContainerStatus{AllocatedResources: cpu("2"), Resources: &v1.ResourceRequirements{Requests: cpu("2"), Limits: v1.ResourceList{}}}, []v1.PodCondition{infeasible}, 5000},
		"infeasible, nothing told":        {v1.ContainerStatus{}, []v1.PodCondition{infeasible}, 33000},
		"under way":                       {v1.ContainerStatus{AllocatedResources: cpu("2")}, nil, 33000},
	} {
		t.Run(name, func(t *testing.T) {
			there := plugintest.Pod("a", "n", nil, nil)
			there.Spec.Containers = []v1.Container{
				plugintest.Container("limited", amounts{"cpu": "100m"}, amounts{"cpu": "3"}),
				plugintest.Container("unlimited", amounts{"cpu": "30"}, nil),
			}
			tc.status.Name = "unlimited"
			there.Status.ContainerStatuses = []v1.ContainerStatus{
				{Name: "limited", AllocatedResources: cpu("100m"), Resources: &v1.ResourceRequirements{Requests: cpu("100m"), Limits: cpu("3")}}, tc.status,
			}
			there.Status.Conditions = tc.conditions
			expectCPU(t, ofHundred(t), there, tc.want)
		})
	}
}

// The pod in hand runs nowhere yet, so what its status says does not count.
func TestPodInHandHasNoStatus(t *testing.T) {
	p := plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"cpu": "2"})
	p.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "c", Resources: &v1.ResourceRequirements{Limits: plugintest.Quantities(amounts{"cpu": "50"})}}}
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), []*v1.Node{big("n")})
	if got := s.filter(p, s.nodes[0]); !got.IsSuccess() {
		t.Errorf("got %v", got)
	}
}

// Many large limits add up to a large sum, not to a negative one.
func TestSumSaturates(t *testing.T) {
	there := []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"memory": "7Ei"}), plugintest.Pod("b", "n", nil, amounts{"memory": "7Ei"}), plugintest.Pod("c", "n", nil, amounts{"memory": "7Ei"})}
	filter := guard(t, config.LimitsGuardFilter, percents(100, "memory"), []*v1.Node{big("n")}, there...)
	if got := filter.filter(plugintest.Pod("p", "", nil, amounts{"memory": "1"}), filter.nodes[0]); got.Code() != fwk.Unschedulable {
		t.Errorf("got %v, want Unschedulable", got)
	}
	score := guard(t, config.LimitsGuardScore, percents(100, "memory"), []*v1.Node{big("n")}, there...)
	if got := score.scoreDown(plugintest.Pod("p", "", nil, amounts{"memory": "7Ei"}), score.nodes[0]); got != 0 {
		t.Errorf("got score %d, want 0", got)
	}
}

// Nobody may slip past the guard by asking for more than a number holds.
func TestAbsurdLimits(t *testing.T) {
	twice := plugintest.Pod("p", "", nil, nil)
	twice.Spec.Containers = []v1.Container{plugintest.Container("a", nil, amounts{"memory": "8Ei"}), plugintest.Container("b", nil, amounts{"memory": "8Ei"})}
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu", "memory"), []*v1.Node{big("n")})
	for name, p := range map[string]*v1.Pod{
		"cpu of 2^63-1":                     plugintest.Pod("p", "", nil, amounts{"cpu": "9223372036854775807"}),
		"cpu of 10P":                        plugintest.Pod("p", "", nil, amounts{"cpu": "10P"}),
		"two containers with 8Ei of memory": twice,
	} {
		if got := s.filter(p, s.nodes[0]); got.Code() != fwk.UnschedulableAndUnresolvable {
			t.Errorf("%s: got %v, want UnschedulableAndUnresolvable", name, got)
		}
	}
}

// A large node times a large percentage is still room, not a negative number.
func TestLargeNodeTimesPercent(t *testing.T) {
	node := st.MakeNode().Name("n").Capacity(amounts{"cpu": "4", "memory": "8Gi", "ephemeral-storage": "1Pi"}).Obj()
	p := plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"ephemeral-storage": "1Gi"})
	filter := guard(t, config.LimitsGuardFilter, percents(10000, "ephemeral-storage"), []*v1.Node{node})
	if got := filter.filter(p, filter.nodes[0]); !got.IsSuccess() {
		t.Errorf("got %v on an empty node", got)
	}
	score := guard(t, config.LimitsGuardScore, percents(10000, "ephemeral-storage"), []*v1.Node{node})
	if got := score.scoreDown(p, score.nodes[0]); got != fwk.MaxScore {
		t.Errorf("got score %d on an empty node, want %d", got, fwk.MaxScore)
	}
}

// The short way of pods that are plain comes to what the long one does, whatever their containers say.
func TestPlainPodsAreAsOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	list := func() v1.ResourceList {
		if random.IntN(4) == 0 {
			return nil
		}
		out := v1.ResourceList{}
		for _, name := range []v1.ResourceName{"cpu", "memory", "example.com/device"} {
			if random.IntN(3) > 0 {
				out[name] = resource.MustParse([]string{"0", "1", "250m", "1u", "3Gi", "9223372036854775807", "12E", "100"}[random.IntN(8)])
			}
		}
		return out
	}
	g := guard(t, config.LimitsGuardFilter, percents(100, "cpu", "memory", "example.com/device"), nil).Guard
	plain := 0
	for range 5000 {
		p := &v1.Pod{}
		for range 1 + random.IntN(3) {
			p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: fmt.Sprint(len(p.Spec.Containers)), Resources: v1.ResourceRequirements{Requests: list(), Limits: list()}})
			shall := p.Spec.Containers[len(p.Spec.Containers)-1].Resources
			status := v1.ContainerStatus{Name: fmt.Sprint(len(p.Spec.Containers) - 1)}
			if random.IntN(2) == 0 { // As kubelets tell.
				status.Resources, status.AllocatedResources = shall.DeepCopy(), shall.DeepCopy().Requests
			}
			if random.IntN(8) == 0 {
				status.Resources = &v1.ResourceRequirements{Requests: list(), Limits: list()}
			}
			if random.IntN(2) == 0 {
				p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, status)
			}
		}
		if random.IntN(4) == 0 {
			p.Status.Conditions = []v1.PodCondition{{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: v1.PodReasonInfeasible}}
		}
		if random.IntN(8) == 0 {
			p.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "0", AllocatedResources: list()}}
		}
		if random.IntN(8) == 0 {
			p.Spec.InitContainers = []v1.Container{{Name: "i", Resources: v1.ResourceRequirements{Requests: list()}}}
		}
		for _, status := range []bool{false, true} {
			options := g.options
			options.UseStatusResources = status
			if !g.isPlain(p, status) {
				continue
			}
			plain++
			if got, want := g.ofPlain(p), g.ofAny(p, options); !slices.Equal(got, want) {
				t.Fatalf("%v in short, %v at length: %v", got, want, p)
			}
		}
	}
	if plain < 4000 {
		t.Errorf("%d of 10000 were plain", plain)
	}
}
