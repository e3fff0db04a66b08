// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

// scene is two plugins of a profile among some nodes.
type scene struct {
	*Verdicts
	one, other *Rule
	nodes      []fwk.NodeInfo
}

func newScene(t *testing.T, nodes ...*v1.Node) *scene {
	t.Helper()
	h, err := frameworkruntime.NewFramework(t.Context(), nil, nil, frameworkruntime.WithSnapshotSharedLister(cache.NewSnapshot(nil, nodes)))
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{Verdicts: &Verdicts{}}
	s.one, s.other = s.Rule(h, "One"), s.Rule(h, "Other")
	if s.nodes, err = h.SnapshotSharedLister().NodeInfos().List(); err != nil {
		t.Fatal(err)
	}
	return s
}

// over are the nodes of these names.
func over(names string) func(fwk.NodeInfo) bool {
	return func(n fwk.NodeInfo) bool { return strings.Contains(names, n.Node().Name) }
}

func pod() *v1.Pod { return st.MakePod().Namespace("ns").Name("p").UID("p").Obj() }

// Predictions refuse nodes as long as one is left that the pod may go to, whichever plugin refuses which. The plugin that would refuse
// the last one refuses none, and that is counted for it, once a pod and cycle.
func TestPredictionsTogetherLeaveANode(t *testing.T) {
	tainted := st.MakeNode().Name("t").Taints([]v1.Taint{{Key: "k", Effect: v1.TaintEffectNoSchedule}}).Obj()
	for name, tc := range map[string]struct {
		one, other string
		refuses    [2]bool // nodes, one and other
		passed     [2]int64
	}{
		"none refuses any":            {"", "", [2]bool{true, true}, [2]int64{}},
		"one node is left":            {"a", "b", [2]bool{true, true}, [2]int64{}},
		"none is left by both":        {"a", "bc", [2]bool{true, false}, [2]int64{0, 1}},
		"none is left by the first":   {"abc", "a", [2]bool{false, true}, [2]int64{1, 0}},
		"none is left by either":      {"abc", "abc", [2]bool{false, false}, [2]int64{1, 1}},
		"the taint keeps it off what": {"abct", "", [2]bool{false, true}, [2]int64{1, 0}},
	} {
		s := newScene(t, st.MakeNode().Name("a").Obj(), st.MakeNode().Name("b").Obj(), st.MakeNode().Name("c").Obj(), tainted)
		state := framework.NewCycleState()
		for range 2 { // PreFilter may run twice in a cycle.
			got := [2]bool{s.one.Begin(state, pod(), s.nodes, false, over(tc.one)) != nil, s.other.Begin(state, pod(), s.nodes, false, over(tc.other)) != nil}
			if got != tc.refuses {
				t.Errorf("%s: the plugins refuse nodes %v, want %v", name, got, tc.refuses)
			}
		}
		if got := [2]int64{s.Passed("", "One"), s.Passed("", "Other")}; got != tc.passed {
			t.Errorf("%s: let pass %v, want %v", name, got, tc.passed)
		}
	}
}

// Who may go to no node at all is not let pass, a DaemonSet's pod always is, and who asks to be held to predictions never.
func TestWhoIsRefused(t *testing.T) {
	controller := true
	for name, tc := range map[string]struct {
		change  func(*v1.Pod)
		asks    bool
		refused bool
	}{
		"any":                   {func(*v1.Pod) {}, false, false},
		"one that asks for it":  {func(*v1.Pod) {}, true, true},
		"one that fits nowhere": {func(p *v1.Pod) { p.Spec.NodeSelector = map[string]string{"no": "node"} }, false, true},
		"a DaemonSet's": {func(p *v1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "d", Controller: &controller}}
		}, false, false},
	} {
		s, p := newScene(t, st.MakeNode().Name("a").Obj()), pod()
		tc.change(p)
		if c := s.one.Begin(framework.NewCycleState(), p, s.nodes, tc.asks, over("a")); (c != nil) != tc.refused {
			t.Errorf("%s: refused nodes %v", name, c != nil)
		}
	}
	// Who asks is none of the plugins that must leave a node.
	s, state := newScene(t, st.MakeNode().Name("a").Obj(), st.MakeNode().Name("b").Obj()), framework.NewCycleState()
	s.one.Begin(state, pod(), s.nodes, true, over("ab"))
	if s.other.Begin(state, pod(), s.nodes, false, over("a")) == nil {
		t.Error("the other plugin gives way to what the pod asked for")
	}
}

// A refusal says whether preemption may cure it, and has the pod tried again, whichever plugins refuse how many nodes.
func TestRefusal(t *testing.T) {
	s, state := newScene(t, st.MakeNode().Name("a").Obj(), st.MakeNode().Name("b").Obj(), st.MakeNode().Name("c").Obj()), framework.NewCycleState()
	one, other := s.one.Begin(state, pod(), s.nodes, false, over("a")), s.other.Begin(state, pod(), s.nodes, false, over("b"))
	if s.Refused.Has(pod()) {
		t.Error("remembered before it was refused")
	}
	if status := one.Refuse(pod(), true, "why"); status.Code() != fwk.UnschedulableAndUnresolvable || status.Message() != "why" {
		t.Errorf("got %v", status)
	}
	if status := other.Refuse(pod(), false, "why"); status.Code() != fwk.Unschedulable {
		t.Errorf("got %v", status)
	}
	if !s.Refused.Has(pod()) || len(s.Refused.Take()) != 1 {
		t.Error("the pod is not tried again, or twice")
	}
	// One cycle has it tried again once; the next one that refuses it does so again.
	one.Refuse(pod(), true, "why")
	if len(s.Refused.Take()) != 0 {
		t.Error("one cycle has the pod tried again twice")
	}
	s.one.Begin(framework.NewCycleState(), pod(), s.nodes, false, over("a")).Refuse(pod(), true, "why")
	if len(s.Refused.Take()) != 1 {
		t.Error("not tried again after the next cycle")
	}
}

// One metric has all plugins, from the start.
func TestMetrics(t *testing.T) {
	s := newScene(t, st.MakeNode().Name("a").Obj())
	s.other.Begin(framework.NewCycleState(), pod(), s.nodes, false, over("a"))
	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(NewMetrics(s.Verdicts))
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP foresight_forecast_let_pass_total [ALPHA] Pods to which predictions would have refused every node, so that the plugin refused none.
# TYPE foresight_forecast_let_pass_total counter
foresight_forecast_let_pass_total{plugin="One",profile=""} 0
foresight_forecast_let_pass_total{plugin="Other",profile=""} 1
`)); err != nil {
		t.Error(err)
	}
}
