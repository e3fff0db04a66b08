// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/foresight-scheduler/foresight/config"
)

// shipped is the policy without args, among two namespaces.
func shipped(t *testing.T, change func(*config.ClaimsArgs)) *Policy {
	t.Helper()
	trusted := &metav1.LabelSelector{MatchLabels: map[string]string{config.ClaimsLabel: config.ClaimsAllowed}}
	args := &config.ClaimsArgs{
		Objectives:  config.ObjectiveClaims{NamespaceSelector: trusted},
		Predictions: config.NamespaceClaims{NamespaceSelector: trusted}, Overcommit: config.NamespaceClaims{NamespaceSelector: &metav1.LabelSelector{}},
	}
	if change != nil {
		change(args)
	}
	p, err := NewPolicy(args)
	if err != nil {
		t.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	for name, labels := range map[string]map[string]string{"tenant": nil, "trusted": {config.ClaimsLabel: config.ClaimsAllowed}} {
		if err := factory.Core().V1().Namespaces().Informer().GetStore().Add(&v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
			t.Fatal(err)
		}
	}
	p.Watch(factory)
	return p
}

func podIn(namespace string, annotations, labels map[string]string) *v1.Pod {
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p", UID: "p", Annotations: annotations, Labels: labels},
		Spec: v1.PodSpec{Containers: []v1.Container{{Resources: v1.ResourceRequirements{
			Requests: v1.ResourceList{"cpu": resource.MustParse("10m")}, Limits: v1.ResourceList{"cpu": resource.MustParse("2")},
		}}}},
		Status: v1.PodStatus{QOSClass: v1.PodQOSBurstable},
	}
}

// What only costs the claimant is free; what takes from others needs an allowed namespace or PriorityClass, and is told where
// it has neither.
func TestWhoMayClaimWhat(t *testing.T) {
	p := shipped(t, func(args *config.ClaimsArgs) { args.Objectives.PriorityClasses = []string{"gold"} })
	for name, tc := range map[string]struct {
		pod  *v1.Pod
		says string
	}{
		"nothing":                           {podIn("tenant", nil, nil), ""},
		"a lower objective":                 {podIn("tenant", nil, map[string]string{QoS.Name: "batch"}), ""},
		"its own objective":                 {podIn("tenant", nil, map[string]string{QoS.Name: "availability"}), ""},
		"a higher objective":                {podIn("tenant", nil, map[string]string{QoS.Name: "realtime"}), "label foresight-scheduler.dev/qos: namespace tenant may not claim this (pluginConfig[Claims].args.objectives.namespaceSelector): the objective is availability"},
		"a higher objective, allowed":       {podIn("trusted", nil, map[string]string{QoS.Name: "realtime"}), ""},
		"a response time":                   {podIn("tenant", map[string]string{ResponseTime.Name: "1ms"}, nil), "response-time-objective: namespace tenant may not claim this"},
		"a response time, allowed":          {podIn("trusted", map[string]string{ResponseTime.Name: "1ms"}, nil), ""},
		"a prediction within the limit":     {podIn("tenant", map[string]string{PredictedCPU.Name: "1500m"}, nil), ""},
		"a prediction over the limit":       {podIn("tenant", map[string]string{PredictedCPU.Name: "100000"}, nil), "predicted-cpu: namespace tenant may not claim this (pluginConfig[Claims].args.predictions.namespaceSelector): no more counts"},
		"a prediction of nothing":           {podIn("tenant", map[string]string{PredictedCPU.Name: "0"}, nil), "no less counts than is forecast"},
		"a prediction of nothing, allowed":  {podIn("trusted", map[string]string{PredictedCPU.Name: "0"}, nil), ""},
		"overcommit, which is free":         {podIn("tenant", map[string]string{Overcommit.Name: "true"}, nil), ""},
		"service affinity, which is free":   {podIn("tenant", map[string]string{ServiceAffinity.Name: "zone"}, nil), ""},
		"a namespace that nobody knows yet": {podIn("new", nil, map[string]string{QoS.Name: "latency"}), "namespace new may not claim this"},
	} {
		err := p.refused(tc.pod)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
	gold := podIn("tenant", nil, map[string]string{QoS.Name: "realtime"})
	gold.Spec.PriorityClassName = "gold"
	if !p.MayAim(gold) || p.MayPredict(gold) {
		t.Error("a PriorityClass allows objectives, and nothing else")
	}
	if strict := shipped(t, func(args *config.ClaimsArgs) { args.Overcommit.NamespaceSelector = nil }); strict.MayOvercommit(podIn("trusted", nil, nil)) {
		t.Error("no selector selects a namespace")
	}
	// A claim is told once, with the reason that it is not a fault of spelling.
	var told recorder
	teller := &Teller{Policy: p}
	for range 3 {
		teller.Tell(&told, podIn("tenant", nil, map[string]string{QoS.Name: "realtime"}))
	}
	if len(told.notes) != 1 || !strings.HasPrefix(told.notes[0], "ClaimNotAllowed: ") || len(told.notes[0]) > 1024 {
		t.Errorf("told %q", told.notes)
	}
}

// Without a policy, and before it reads namespaces, nothing that takes from others is allowed.
func TestNoPolicyAllowsNothing(t *testing.T) {
	unread, err := NewPolicy(&config.ClaimsArgs{Objectives: config.ObjectiveClaims{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Policy{nil, unread} {
		if pod := podIn("trusted", nil, nil); p.MayAim(pod) || p.MayPredict(pod) {
			t.Errorf("%v allows", p)
		}
	}
}
