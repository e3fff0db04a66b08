// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity_test

import (
	"maps"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
)

// The score is the old policy's: 100 · (all − those on nodes with the same value) / all,
// averaged over the labels. Every number here is worked out by hand from that.
func TestServiceAntiAffinity(t *testing.T) {
	zones := []*v1.Node{
		node("a1", zone, "a", rack, "1"), node("a2", zone, "a", rack, "2"),
		node("b1", zone, "b", rack, "1"), node("bare"),
	}
	tests := []struct {
		name     string
		labels   []string
		pods     []*v1.Pod
		services []*v1.Service
		pod      *st.PodWrapper
		want     map[string]int64
	}{
		{name: "no pods yet: all nodes with the label are as good", labels: []string{zone}, services: []*v1.Service{webService},
			want: map[string]int64{"a1": 100, "a2": 100, "b1": 100, "bare": 0}},
		{name: "one pod: its zone has all of them", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Obj()},
			want: map[string]int64{"a1": 0, "a2": 0, "b1": 100, "bare": 0}},
		{name: "three pods, two in a: a keeps one third, b two thirds", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Obj(), web("p1", 1).Node("a2").Obj(), web("p2", 2).Node("b1").Obj()},
			want: map[string]int64{"a1": 33, "a2": 33, "b1": 66, "bare": 0}},
		{name: "pods on nodes without the label are pods elsewhere", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("bare").Obj(), web("p1", 1).Node("a1").Obj()},
			want: map[string]int64{"a1": 50, "a2": 50, "b1": 100, "bare": 0}},
		{name: "two labels have half of the score each", labels: []string{zone, rack}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Obj(), web("p1", 1).Node("a1").Obj(), web("p2", 2).Node("a1").Obj(), web("p3", 3).Node("b1").Obj()},
			// zone: a 3 of 4, b 1 of 4; rack: 1 has all 4, 2 none.
			want: map[string]int64{"a1": 12, "a2": 62, "b1": 37, "bare": 0}},
		{name: "a label that no node has takes its share from all", labels: []string{zone, "example.com/room"}, services: []*v1.Service{webService},
			want: map[string]int64{"a1": 50, "a2": 50, "b1": 50, "bare": 0}},
		{name: "pods that are being deleted do not count", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Terminating().Obj(), web("p1", 1).Node("b1").Obj()},
			want: map[string]int64{"a1": 100, "a2": 100, "b1": 0, "bare": 0}},
		{name: "pods of other namespaces and other Services do not count", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Namespace("test").Node("a1").Obj(), web("p1", 1).Label("app", "db").Node("a1").Obj(), web("p2", 2).Node("b1").Obj()},
			want: map[string]int64{"a1": 100, "a2": 100, "b1": 0, "bare": 0}},
		{name: "pods of a StatefulSet spread in spite of their own labels", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("db-0", 0).Label("statefulset.kubernetes.io/pod-name", "db-0").Node("a1").Obj()},
			pod:  web("db-1", 9).Label("statefulset.kubernetes.io/pod-name", "db-1"),
			want: map[string]int64{"a1": 0, "a2": 0, "b1": 100, "bare": 0}},
		{name: "of two Services the first by name counts", labels: []string{zone},
			services: []*v1.Service{webService, service("shop", "all", map[string]string{"part-of": "shop"})},
			pods:     []*v1.Pod{web("p0", 0).Node("a1").Obj(), web("db", 1).Label("app", "db").Label("part-of", "shop").Node("b1").Obj()},
			pod:      web("new", 9).Label("part-of", "shop"),
			want:     map[string]int64{"a1": 100, "a2": 100, "b1": 0, "bare": 0}},
		{name: "no label, nothing to say", services: []*v1.Service{webService}},
		{name: "no Service, nothing to say", labels: []string{zone}, pods: []*v1.Pod{web("p0", 0).Node("a1").Obj()}},
		{name: "the pod's annotation replaces the labels", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Obj()},
			pod:  web("new", 9).Annotation(affinity.ServiceAntiAffinityAnnotation, rack),
			want: map[string]int64{"a1": 0, "a2": 100, "b1": 0, "bare": 0}},
		{name: "the pod's annotation takes the labels away", labels: []string{zone}, services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Obj()},
			pod:  web("new", 9).Annotation(affinity.ServiceAntiAffinityAnnotation, "")},
		{name: "the pod's annotation is enough", services: []*v1.Service{webService},
			pods: []*v1.Pod{web("p0", 0).Node("a1").Obj()},
			pod:  web("new", 9).Annotation(affinity.ServiceAntiAffinityAnnotation, zone),
			want: map[string]int64{"a1": 0, "a2": 0, "b1": 100, "bare": 0}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if tc.pod == nil {
				tc.pod = web("new", 9)
			}
			s := cluster{nodes: zones, pods: tc.pods, services: tc.services}.scheduler(t, apart(tc.labels...))
			if got := s.scores(t, tc.pod.Obj()); !maps.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// Preferred node affinity and the spreading share the score by the configured weight;
// each alone has all of it.
func TestSpreadWithPreferredAffinity(t *testing.T) {
	nodes := []*v1.Node{node("a", zone, "a"), node("b", zone, "b", "disk", "ssd")}
	pods := []*v1.Pod{web("p0", 0).Node("b").Obj(), web("p1", 1).Node("b").Obj(), web("p2", 2).Node("b").Obj(), web("p3", 3).Node("a").Obj()}
	preferred := web("new", 9).Obj()
	preferred.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []v1.PreferredSchedulingTerm{{Weight: 5, Preference: v1.NodeSelectorTerm{
			MatchExpressions: []v1.NodeSelectorRequirement{{Key: "disk", Operator: v1.NodeSelectorOpExists}}}}}}}
	tests := []struct {
		name   string
		weight int32
		pod    *v1.Pod
		want   map[string]int64
	}{
		// Spreading alone: a 75, b 25. Preference alone: a 0, b 100.
		{"spreading alone", 1, web("new", 9).Obj(), map[string]int64{"a": 75, "b": 25}},
		{"spreading alone, at any weight", 100, web("new", 9).Obj(), map[string]int64{"a": 75, "b": 25}},
		{"half and half", 1, preferred, map[string]int64{"a": 37, "b": 62}},
		{"three to one", 3, preferred, map[string]int64{"a": 56, "b": 43}},
		{"a hundred to one", 100, preferred, map[string]int64{"a": 74, "b": 25}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := cluster{nodes: nodes, pods: pods, services: []*v1.Service{webService}}.scheduler(t,
				&config.AffinityArgs{ServiceAntiAffinity: config.ServiceAntiAffinity{Labels: []string{zone}, Weight: tc.weight}})
			if got := s.scores(t, tc.pod); !maps.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	t.Run("the preference alone", func(t *testing.T) {
		s := cluster{nodes: nodes, pods: pods}.scheduler(t, apart(zone))
		if got, want := s.scores(t, preferred), map[string]int64{"a": 0, "b": 100}; !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// An affinity that no term of can be read is an error to upstream, and so to us.
func TestPreScoreError(t *testing.T) {
	s := cluster{nodes: racks, services: []*v1.Service{webService}}.scheduler(t, apart(zone))
	pod := web("new", 9).Annotation(affinity.ServiceAntiAffinityAnnotation, "my zone").Obj()
	if status := s.PreScore(t.Context(), framework.NewCycleState(), pod, s.nodes); status.IsSuccess() || status.IsSkip() {
		t.Errorf("got %v, want an error: PreFilter has refused such a pod", status)
	}
}

// Many labels of equal share must still add up to the full score.
func TestManyLabelsReachTheFullScore(t *testing.T) {
	for labels := 1; labels <= 10; labels++ {
		n := st.MakeNode().Name("n")
		var keys []string
		for i := range labels {
			key := string(rune('a' + i))
			n, keys = n.Label(key, "x"), append(keys, key)
		}
		s := cluster{nodes: []*v1.Node{n.Obj()}, services: []*v1.Service{webService}}.scheduler(t, apart(keys...))
		if got := s.scores(t, web("new", 9).Obj())["n"]; got != 100 {
			t.Errorf("%d labels: got %d, want 100", labels, got)
		}
	}
}
