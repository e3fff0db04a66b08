// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"fmt"
	"math"
	"testing"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Other requests are suggested for pods that use far more than they request on a node that suffers, once for each workload; not where the node's
// requests say by themselves that it is full, where it does not suffer, or where a pod uses about what it requests.
func TestResizes(t *testing.T) {
	asks := func(p *Pod, cores float64) *Pod { p.Asked = cores; return p }
	of := func(p *Pod, workload string) *Pod { p.Workload = workload; return p }
	unsure := asks(pod("unsure", 2), .5)
	for k := range unsure.Use {
		unsure.Use[k][forecast.CPU].Variance = .25
	}
	guessed := asks(pod("guessed", 2), .5)
	guessed.Measured, guessed.Fixed = false, LocalData
	c := cluster(
		node("strange", guessed, asks(pod("strange", 6), 5)),
		node("tight", of(asks(pod("a-1", 2.42), 1), "shop/StatefulSet/a"), of(asks(pod("a-2", 2), 1), "shop/StatefulSet/a"), unsure, asks(pod("honest", 2), 1.5)),
		node("full", asks(pod("b", 5), 1), asks(pod("c", 4), 7)),
		node("idle", asks(pod("d", 3), .5)),
	)
	plan, err := NewPlanner(options(), noon).Plan(t.Context(), c, places{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []Resize{
		{Namespace: "shop", Workload: "shop/StatefulSet/a", Pods: 2, Node: "tight", Pod: "a-1", Requested: 1, Suggested: 2.45},
		{Namespace: "shop", Workload: "shop/Deployment/unsure", Pods: 1, Node: "tight", Pod: "unsure", Requested: .5, Suggested: 2.5},
	}
	if len(plan.Resizes) != len(want) {
		t.Fatalf("%+v", plan.Resizes)
	}
	for i, r := range plan.Resizes {
		if math.Abs(r.Suggested-want[i].Suggested) < 1e-9 {
			r.Suggested = want[i].Suggested
		}
		if r != want[i] {
			t.Errorf("%+v, want %+v", r, want[i])
		}
	}
}

// The metric counts all workloads whose requests are too small, also where more are found than are named.
func TestSmallRequestsAreCounted(t *testing.T) {
	s := newSmall()
	s.pods = map[string][]*Pod{}
	for i := range mostResizes + 5 {
		s.pods["hot"] = append(s.pods["hot"], pod(fmt.Sprint("p", i), 1))
	}
	l := newLoop(s, false)
	l.Count.Register(metrics.NewKubeRegistry().MustRegister)
	l.Look(t.Context(), noon)
	report, err := l.Report(t.Context(), noon, false)
	if err != nil || len(report.Resizes) != mostResizes {
		t.Fatalf("%+v, %v", report, err)
	}
	if n, err := testutil.GetGaugeMetricValue(l.Count.resizes); err != nil || n != mostResizes+5 {
		t.Errorf("%v workloads are counted, %v", n, err)
	}
}
