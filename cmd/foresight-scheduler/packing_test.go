// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	policylisters "k8s.io/client-go/listers/policy/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// A mark is put on a node as it is now, not as it was: who changed it meanwhile keeps what was changed. A node that is gone has no mark to take off.
func TestMarkIsPutOnTheNodeAsItIs(t *testing.T) {
	client := fake.NewClientset(&v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	refused := 0
	client.PrependReactor("patch", "nodes", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if refused++; refused > 1 {
			return false, nil, nil
		}
		changed := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: v1.NodeSpec{Taints: []v1.Taint{{Key: "theirs", Effect: v1.TaintEffectNoSchedule}}}}
		if err := client.Tracker().Update(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}, changed, ""); err != nil {
			t.Error(err)
		}
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "nodes"}, "a", nil)
	})
	m := &marks{client: client, by: "us"}
	if err := m.Mark(t.Context(), "a", true, time.Now()); err != nil {
		t.Fatal(err)
	}
	node, err := client.CoreV1().Nodes().Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if by, since, marked := claims.Emptying(node); !marked || by != "us" || time.Since(since) > time.Minute || len(node.Spec.Taints) != 2 || refused != 2 {
		t.Errorf("%v %+v, %d tries", node.Annotations, node.Spec.Taints, refused)
	}
	if err := m.Mark(t.Context(), "gone", false, time.Now()); err != nil {
		t.Error(err)
	}
	if err := m.Mark(t.Context(), "gone", true, time.Now()); !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}

// A pod is protected where the Eviction API would refuse it: by a budget of zero, by two budgets, and by one that nobody has looked at since it was changed.
func TestProtected(t *testing.T) {
	labels := map[string]string{"app": "web"}
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web", Labels: labels}}
	pods := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	if err := pods.Add(pod); err != nil {
		t.Fatal(err)
	}
	budget := func(name string, allowed int32) *policyv1.PodDisruptionBudget {
		return &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: 2}, Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}},
			Status: policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed, ObservedGeneration: 2},
		}
	}
	old := budget("a", 1)
	old.Status.ObservedGeneration = 1
	for name, tc := range map[string]struct {
		budgets []*policyv1.PodDisruptionBudget
		want    bool
	}{
		"none": {nil, false}, "one of one": {[]*policyv1.PodDisruptionBudget{budget("a", 1)}, false}, "one of none": {[]*policyv1.PodDisruptionBudget{budget("a", 0)}, true},
		"two": {[]*policyv1.PodDisruptionBudget{budget("a", 1), budget("b", 1)}, true}, "changed": {[]*policyv1.PodDisruptionBudget{old}, true},
	} {
		all := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
		for _, b := range tc.budgets {
			if err := all.Add(b); err != nil {
				t.Fatal(err)
			}
		}
		p := &packed{world: &world{pods: corelisters.NewPodLister(pods)}, budgets: policylisters.NewPodDisruptionBudgetLister(all)}
		if got := p.Protected(&rebalance.Pod{Namespace: "shop", Name: "web", UID: "web"}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Pods wait for room that the scheduler could not place a short time ago. One that has been waiting for long waits for something else, and one that was not tried yet
// for nothing.
func TestWaiting(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1.Pod)
		want   bool
	}{
		"a minute": {func(*v1.Pod) {}, true},
		"a day": {func(p *v1.Pod) {
			p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(time.Now().Add(-24 * time.Hour))
		}, false},
		"placed": {func(p *v1.Pod) { p.Spec.NodeName = "a" }, false},
		"gated":  {func(p *v1.Pod) { p.Status.Conditions[0].Reason = v1.PodReasonSchedulingGated }, false},
		"new":    {func(p *v1.Pod) { p.Status.Conditions = nil }, false},
	} {
		pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Status: v1.PodStatus{Conditions: []v1.PodCondition{{
			Type: v1.PodScheduled, Status: v1.ConditionFalse, Reason: v1.PodReasonUnschedulable, LastTransitionTime: metav1.NewTime(time.Now().Add(-time.Minute)),
		}}}}
		tc.change(pod)
		pods := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
		if err := pods.Add(pod); err != nil {
			t.Fatal(err)
		}
		if got := (&packed{world: &world{pods: corelisters.NewPodLister(pods)}}).Waiting(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What a scheduler left marked that emptied nodes once is taken off; another one's is not.
func TestSweep(t *testing.T) {
	marked := func(name, by string) *v1.Node {
		n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{claims.EmptyingBy: by}}}
		n.Spec.Taints = []v1.Taint{{Key: claims.EmptyingTaint, Value: "1", Effect: v1.TaintEffectPreferNoSchedule}, {Key: "gpu", Effect: v1.TaintEffectNoSchedule}}
		return n
	}
	ours, theirs := marked("a", "us"), marked("b", "them")
	client := fake.NewClientset(ours, theirs)
	m := &marks{client: client, by: "us"}
	m.sweep(t.Context(), []*v1.Node{ours, theirs}, time.Now())
	var left []string
	for _, name := range []string{"a", "b"} {
		node, err := client.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, taint := range node.Spec.Taints {
			left = append(left, name+":"+taint.Key)
		}
	}
	if got := strings.Join(left, " "); got != "a:gpu b:"+claims.EmptyingTaint+" b:gpu" {
		t.Error(got)
	}
}
