// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity_test

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeaffinity"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
)

// Two zones with two racks each, and a node that carries neither label.
var racks = []*v1.Node{
	node("a1", zone, "a", rack, "1"), node("a2", zone, "a", rack, "2"),
	node("b1", zone, "b", rack, "1"), node("b2", zone, "b", rack, "2"),
	node("bare"),
}

// The pods of a Service go where its oldest pod went, as far as the labels say.
func TestServiceAffinity(t *testing.T) {
	tests := []struct {
		name     string
		labels   []string
		pods     []*v1.Pod
		services []*v1.Service
		pod      *st.PodWrapper
		want     []string
	}{
		{name: "the first pod goes anywhere", labels: []string{zone}, services: []*v1.Service{webService},
			pod: web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "a later pod goes to the zone of the first", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2"}},
		{name: "two labels both bind", labels: []string{zone, rack}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("b2").Obj()},
			pod:  web("new", 9), want: []string{"b2"}},
		{name: "a label that the anchor's node lacks binds nobody", labels: []string{zone, rack}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("bare").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "of two labels the one that the anchor's node has still binds", labels: []string{zone, "example.com/room"}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("a2").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2"}},
		{name: "no label, no effect", services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "the oldest of the Service's pods decides", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p5", 5).Node("a1").Obj(), web("p3", 3).Node("b1").Obj(), web("p4", 4).Node("a2").Obj()},
			pod:  web("new", 9), want: []string{"b1", "b2"}},
		{name: "of pods of one age the lowest UID decides", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("y", 3).Node("a1").Obj(), web("x", 3).Node("b1").Obj(), web("z", 3).Node("a2").Obj()},
			pod:  web("new", 9), want: []string{"b1", "b2"}},
		{name: "a nodeSelector settles its label, against the Service", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9).NodeSelector(map[string]string{zone: "b"}), want: []string{"b1", "b2"}},
		{name: "a nodeSelector settles its label only", labels: []string{zone, rack}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9).NodeSelector(map[string]string{zone: "b"}), want: []string{"b1"}},
		{name: "the pod's node affinity holds besides", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9).NodeAffinityIn(rack, []string{"2"}, st.NodeSelectorTypeMatchExpressions), want: []string{"a2"}},
		{name: "an equal pod of another namespace does not count", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("old", 0).Namespace("test").Node("a1").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "a Service of another namespace does not count", labels: []string{zone},
			services: []*v1.Service{service("test", "web", map[string]string{"app": "web"})},
			pods:     []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:      web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "without a Service equal labels do not bind", labels: []string{zone},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "a Service without a selector selects nobody", labels: []string{zone}, services: []*v1.Service{service("shop", "web", nil)},
			pods: []*v1.Pod{web("old", 0).Node("a1").Obj()},
			pod:  web("new", 9), want: []string{"a1", "a2", "b1", "b2", "bare"}},
		{name: "pods of a StatefulSet stay together in spite of their own labels", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("db-0", 0).Label("statefulset.kubernetes.io/pod-name", "db-0").Node("b1").Obj()},
			pod:  web("db-1", 9).Label("statefulset.kubernetes.io/pod-name", "db-1"), want: []string{"b1", "b2"}},
		{name: "a pod of another Service is no anchor", labels: []string{zone},
			services: []*v1.Service{webService, service("shop", "db", map[string]string{"app": "db"})},
			pods:     []*v1.Pod{web("db", 0).Label("app", "db").Node("a1").Obj(), web("old", 1).Node("b1").Obj()},
			pod:      web("new", 9), want: []string{"b1", "b2"}},
		{name: "a pod of two Services follows the oldest pod of either", labels: []string{zone},
			services: []*v1.Service{webService, service("shop", "shop", map[string]string{"part-of": "shop"})},
			pods:     []*v1.Pod{web("old", 1).Node("a1").Obj(), web("db", 0).Label("app", "db").Label("part-of", "shop").Node("b1").Obj()},
			pod:      web("new", 9).Label("part-of", "shop"), want: []string{"b1", "b2"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := cluster{nodes: racks, pods: tc.pods, services: tc.services}.scheduler(t, together(tc.labels...))
			expectNodes(t, s.feasible(t, tc.pod.Obj()), tc.want...)
		})
	}
}

// A node that fails service affinity may be cured by evictions, one that fails the
// pod's own terms may not; the reasons say which.
func TestFilterStatus(t *testing.T) {
	s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{web("old", 0).Node("a1").Obj()}}.scheduler(t, together(zone))
	pod := web("new", 9).NodeSelector(map[string]string{rack: "1"}).Obj()
	state := s.begin(t, pod)
	for name, want := range map[string]*fwk.Status{
		"a1": nil,
		"a2": fwk.NewStatus(fwk.UnschedulableAndUnresolvable, nodeaffinity.ErrReasonPod),
		"b1": fwk.NewStatus(fwk.Unschedulable, affinity.ErrReasonServiceAffinity),
	} {
		got := s.Filter(t.Context(), state, pod, s.node(t, name))
		if got.Code() != want.Code() || got.Message() != want.Message() {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// Affinity that the operator adds to the profile holds with and without a Service.
func TestAddedAffinity(t *testing.T) {
	args := together(zone)
	args.AddedAffinity = &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: st.MakeNodeSelector().In(rack, []string{"2"}, st.NodeSelectorTypeMatchExpressions).Obj()}
	s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{web("old", 0).Node("a1").Obj()}}.scheduler(t, args)
	expectNodes(t, s.feasible(t, web("new", 9).Obj()), "a2")
	expectNodes(t, s.feasible(t, web("alone", 9).Label("app", "alone").Obj()), "a2", "b2")
}

// Where the pod names its nodes, PreFilter still narrows the search to them.
func TestNarrowing(t *testing.T) {
	s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{web("old", 0).Node("a1").Obj()}}.scheduler(t, together(zone))
	for name, want := range map[string][]string{"a2": {"a2"}, "b1": {}} {
		pod := web("new", 9).NodeAffinityIn("metadata.name", []string{name}, st.NodeSelectorTypeMatchFields).Obj()
		state := framework.NewCycleState()
		result, status := s.PreFilter(t.Context(), state, pod, s.nodes)
		if !status.IsSuccess() || !result.NodeNames.Equal(sets.New(name)) {
			t.Errorf("got %v, %v, want the search narrowed to %s", result, status, name)
		}
		expectNodes(t, s.passing(t, state, pod), want...)
	}
}

// A pod's own annotation replaces the profile's labels, or takes them away.
func TestServiceAffinityAnnotation(t *testing.T) {
	s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{web("old", 0).Node("a1").Obj()}}.scheduler(t, together(zone))
	for value, want := range map[string][]string{
		rack:                    {"a1", "b1"},
		zone + ", " + rack:      {"a1"},
		" " + zone + "," + rack: {"a1"},
		"":                      {"a1", "a2", "b1", "b2", "bare"},
		"  ":                    {"a1", "a2", "b1", "b2", "bare"},
	} {
		t.Run(value, func(t *testing.T) {
			expectNodes(t, s.feasible(t, web("new", 9).Annotation(affinity.ServiceAffinityAnnotation, value).Obj()), want...)
		})
	}
	t.Run("a profile without labels", func(t *testing.T) {
		s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{web("old", 0).Node("a1").Obj()}}.scheduler(t, together())
		expectNodes(t, s.feasible(t, web("new", 9).Annotation(affinity.ServiceAffinityAnnotation, zone).Obj()), "a1", "a2")
	})
}

// Guessing at an annotation would place the pod where its owner did not want it, so
// the pod waits, and its condition names the annotation.
func TestUnparsableAnnotation(t *testing.T) {
	s := cluster{nodes: racks}.scheduler(t, together())
	for _, annotation := range []string{affinity.ServiceAffinityAnnotation, affinity.ServiceAntiAffinityAnnotation} {
		for _, value := range []string{",", "zone,", "zone,,rack", "my zone", "zone,zone", "zone;rack", "a/b/c"} {
			_, status := s.PreFilter(t.Context(), framework.NewCycleState(), web("new", 9).Annotation(annotation, value).Obj(), s.nodes)
			if status.Code() != fwk.UnschedulableAndUnresolvable || !strings.Contains(status.Message(), "metadata.annotations["+annotation+"]") {
				t.Errorf("%s=%q: got %v, want UnschedulableAndUnresolvable that names the annotation", annotation, value, status)
			}
		}
	}
}

// Wrong args are refused with the place in the file, and not at the first pod.
func TestNewRefuses(t *testing.T) {
	handle := cluster{}.handle(t)
	badTerm := &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{{Key: "a b", Operator: v1.NodeSelectorOpExists}}}}}
	for says, args := range map[string]*config.AffinityArgs{
		"pluginConfig[Affinity].args.serviceAffinity.labels[0]":  {ServiceAffinity: config.ServiceAffinity{Labels: []string{"-"}}, ServiceAntiAffinity: config.ServiceAntiAffinity{Weight: 1}},
		"pluginConfig[Affinity].args.serviceAntiAffinity.weight": {},
		"pluginConfig[Affinity].args.addedAffinity.required":     {AddedAffinity: &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: badTerm}, ServiceAntiAffinity: config.ServiceAntiAffinity{Weight: 1}},
	} {
		if _, err := affinity.New(t.Context(), args, handle, feature.Features{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got error %v, want one that names %s", err, says)
		}
	}
	if _, err := affinity.New(t.Context(), &config.TaintsArgs{}, handle, feature.Features{}); err == nil || !strings.Contains(err.Error(), "AffinityArgs") {
		t.Errorf("args of another plugin: got error %v", err)
	}
}

// A pod whose in-place resize waits is on its node for good; upstream skips node
// affinity for it, so that preemption can make room there. So must service affinity.
func TestDeferredResize(t *testing.T) {
	pod := web("resizing", 9).Node("b1").Condition(v1.PodResizePending, v1.ConditionTrue, v1.PodReasonDeferred).Obj()
	s := cluster{nodes: racks, services: []*v1.Service{webService},
		pods:     []*v1.Pod{web("old", 0).Node("a1").Obj(), pod},
		features: feature.Features{EnableInPlacePodVerticalScalingSchedulerPreemption: true}}.scheduler(t, together(zone))
	expectNodes(t, s.feasible(t, pod), "a1", "a2", "b1", "b2", "bare")
}
