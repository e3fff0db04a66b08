// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// The label counts first, then the PriorityClass, then the QoS class; what is no objective is passed over.
func TestObjective(t *testing.T) {
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	classes := factory.Scheduling().V1().PriorityClasses()
	for name, value := range map[string]string{"fast": "realtime", "odd": "nonsense"} {
		if err := classes.Informer().GetStore().Add(&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{Key: value}}}); err != nil {
			t.Fatal(err)
		}
	}
	of := func(label, class string, qos v1.PodQOSClass) *v1.Pod {
		p := &v1.Pod{Spec: v1.PodSpec{PriorityClassName: class}, Status: v1.PodStatus{QOSClass: qos}}
		if label != "" {
			p.Labels = map[string]string{Key: label}
		}
		return p
	}
	for _, tc := range []struct {
		pod  *v1.Pod
		want Objective
	}{
		{of("batch", "fast", v1.PodQOSGuaranteed), Batch},
		{of("", "fast", v1.PodQOSBestEffort), Realtime},
		{of("nonsense", "fast", v1.PodQOSBestEffort), Realtime},
		{of("", "odd", v1.PodQOSGuaranteed), Latency},
		{of("", "absent", v1.PodQOSBurstable), Availability},
		{of("", "", v1.PodQOSBestEffort), Batch},
		{of("", "", ""), Batch}, // no requests
	} {
		if got := Of(tc.pod, classes.Lister(), claims.Everything()); got != tc.want {
			t.Errorf("%v %s %s: %v, want %v", tc.pod.Labels, tc.pod.Spec.PriorityClassName, tc.pod.Status.QOSClass, got, tc.want)
		}
	}
}

// A label counts up to what the pod has without it, where more is not allowed; and so does what it may take to respond.
func TestObjectiveIsBounded(t *testing.T) {
	for _, tc := range []struct {
		label string
		class v1.PodQOSClass
		want  Objective
	}{
		{"realtime", v1.PodQOSGuaranteed, Latency},
		{"latency", v1.PodQOSGuaranteed, Latency},
		{"batch", v1.PodQOSGuaranteed, Batch},
		{"latency", v1.PodQOSBurstable, Availability},
		{"availability", v1.PodQOSBestEffort, Batch},
	} {
		p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{Key: tc.label}, Annotations: map[string]string{ResponseTimeKey: "1ms"}}, Status: v1.PodStatus{QOSClass: tc.class}}
		if got := Of(p, nil, nil); got != tc.want {
			t.Errorf("%s of a %s pod is %v, want %v", tc.label, tc.class, got, tc.want)
		}
		if d, err := ResponseTime(p, time.Second, nil); d != 1 || err != nil {
			t.Errorf("a response time that is not allowed: %v, %v", d, err)
		}
		if d, err := ResponseTime(p, time.Second, claims.Everything()); d != .001 || err != nil {
			t.Errorf("a response time: %v, %v", d, err)
		}
	}
}

// The first rule that matches a pod holds; what it does not state is left to others.
func TestRules(t *testing.T) {
	rules := RulesOf([]config.QoSObjective{
		{Namespaces: []string{"shop", "pay"}, Workload: "Deployment/web", ResponseTime: metav1.Duration{Duration: 200 * time.Millisecond}},
		{PriorityClassName: "critical", Objective: "availability", MaxThrottledPercent: 1},
		{Namespaces: []string{"shop"}, Objective: "batch", Name: "jobs", Query: "age", AtMost: resource.MustParse("1500m"), Unit: "seconds"},
		{Namespaces: []string{"shop"}, Query: "age"}, {Query: "other"},
	})
	pod := func(namespace, set, class string) *v1.Pod {
		p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Labels: map[string]string{"pod-template-hash": "5f"}}, Spec: v1.PodSpec{PriorityClassName: class}}
		if set != "" {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: set, Controller: new(true)}}
		}
		return p
	}
	if rules[:3].For(pod("pay", "", "")) != nil || rules[:3].NameFor(pod("pay", "", "")) != "" {
		t.Error("a pod that no rule matches has one")
	}
	for _, c := range []struct {
		pod  *v1.Pod
		want int // place of the rule
	}{
		{pod("shop", "web-5f", "critical"), 0}, {pod("pay", "web-5f", ""), 0}, {pod("other", "web-5f", ""), 4}, {pod("pay", "api-5f", "critical"), 1},
		{pod("shop", "", ""), 2}, {pod("pay", "", ""), 4},
	} {
		got := rules.For(c.pod)
		if got != &rules[c.want] {
			t.Errorf("%s %v %q: %+v, want rule %d", c.pod.Namespace, c.pod.OwnerReferences, c.pod.Spec.PriorityClassName, got, c.want)
		}
	}
	if r := rules[0]; r.Stated || r.ResponseTime != .2 {
		t.Errorf("%+v", r)
	}
	if r := rules[2]; r.Name != "jobs" || r.Query != "age" || r.AtMost != 1.5 || r.Unit != "seconds" {
		t.Errorf("%+v", r)
	}
	if q := rules.Queries(); !slices.Equal(q, []string{"age", "other"}) {
		t.Errorf("the queries are %q", q)
	}
	if name := rules.NameFor(pod("shop", "", "")); name != "jobs" {
		t.Errorf("the rule is named %q", name)
	}
	if r := rules[1]; !r.Stated || r.Objective != Availability || r.Throttled != .01 {
		t.Errorf("%+v", r)
	}
}
