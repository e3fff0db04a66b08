// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

func podInfo(t *testing.T, pod *v1.Pod) fwk.PodInfo {
	t.Helper()
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// evict takes a pod from a copy of its node, as preemption's dry run does.
func (s scheduler) evict(t *testing.T, state fwk.CycleState, pod, victim *v1.Pod) {
	t.Helper()
	n := s.node(t, victim.Spec.NodeName).Snapshot()
	if err := n.RemovePod(klog.FromContext(t.Context()), victim); err != nil {
		t.Fatal(err)
	}
	if status := s.PreFilterExtensions().RemovePod(t.Context(), state, pod, podInfo(t, victim), n); !status.IsSuccess() {
		t.Fatalf("RemovePod: %v", status)
	}
}

// reprieve puts the pod back.
func (s scheduler) reprieve(t *testing.T, state fwk.CycleState, pod, victim *v1.Pod) {
	t.Helper()
	n := s.node(t, victim.Spec.NodeName).Snapshot()
	n.AddPodInfo(podInfo(t, victim))
	if status := s.PreFilterExtensions().AddPod(t.Context(), state, pod, podInfo(t, victim), n); !status.IsSuccess() {
		t.Fatalf("AddPod: %v", status)
	}
}

// While preemption tries out evictions, the anchor moves with the pods that remain.
func TestAnchorMoves(t *testing.T) {
	oldest, middle, youngest := web("p0", 0).Node("a1").Obj(), web("p1", 1).Node("b1").Obj(), web("p2", 2).Node("a2").Obj()
	stranger := web("p3", 0).Label("app", "db").Node("a1").Obj()
	pod := web("new", 9).Obj()
	s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{oldest, middle, youngest, stranger}}.scheduler(t, together(zone))

	state := s.begin(t, pod)
	expectNodes(t, s.passing(t, state, pod), "a1", "a2")
	s.evict(t, state, pod, stranger)
	expectNodes(t, s.passing(t, state, pod), "a1", "a2")
	s.evict(t, state, pod, youngest)
	expectNodes(t, s.passing(t, state, pod), "a1", "a2")
	s.evict(t, state, pod, oldest)
	expectNodes(t, s.passing(t, state, pod), "b1", "b2")
	s.evict(t, state, pod, middle)
	expectNodes(t, s.passing(t, state, pod), "a1", "a2", "b1", "b2", "bare")
	s.reprieve(t, state, pod, youngest)
	expectNodes(t, s.passing(t, state, pod), "a1", "a2")
	s.reprieve(t, state, pod, middle)
	expectNodes(t, s.passing(t, state, pod), "b1", "b2")
	s.reprieve(t, state, pod, stranger)
	expectNodes(t, s.passing(t, state, pod), "b1", "b2")
	s.reprieve(t, state, pod, oldest)
	expectNodes(t, s.passing(t, state, pod), "a1", "a2")
}

// Each candidate node of a dry run has its own clone of the state; what one tries out
// the others do not see.
func TestClonesAreIndependent(t *testing.T) {
	oldest, younger := web("p0", 0).Node("a1").Obj(), web("p1", 1).Node("b1").Obj()
	pod := web("new", 9).Obj()
	s := cluster{nodes: racks, services: []*v1.Service{webService}, pods: []*v1.Pod{oldest, younger}}.scheduler(t, together(zone))

	original := s.begin(t, pod)
	without, added := original.Clone(), original.Clone()
	s.evict(t, without, pod, oldest)
	s.reprieve(t, added, pod, web("p-1", -1).Node("b2").Obj())
	again := original.Clone()
	s.reprieve(t, again, pod, web("p-2", -2).Node("bare").Obj())

	expectNodes(t, s.passing(t, without, pod), "b1", "b2")
	expectNodes(t, s.passing(t, added, pod), "b1", "b2")
	expectNodes(t, s.passing(t, again, pod), "a1", "a2", "b1", "b2", "bare")
	expectNodes(t, s.passing(t, original, pod), "a1", "a2")

	// And the original picks its anchor anew from its own pods.
	s.reprieve(t, original, pod, web("p2", 2).Node("b2").Obj())
	expectNodes(t, s.passing(t, original, pod), "a1", "a2")
	s.evict(t, original, pod, oldest)
	expectNodes(t, s.passing(t, original, pod), "b1", "b2")
}

// A pod that no Service binds carries no state, and evictions leave it alone.
func TestEvictionsWithoutService(t *testing.T) {
	other := web("p0", 0).Node("a1").Obj()
	pod := web("new", 9).NodeSelector(map[string]string{rack: "1"}).Obj()
	s := cluster{nodes: racks, pods: []*v1.Pod{other}}.scheduler(t, together(zone))
	state := s.begin(t, pod)
	s.evict(t, state, pod, other)
	s.reprieve(t, state, pod, other)
	expectNodes(t, s.passing(t, state, pod), "a1", "b1")
}
