// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
)

// While pods are placed one after the other no cycle judges many nodes for the export, and none is judged again before all were. The pod
// after a pause has all nodes judged.
func TestExportIsSpreadOverCycles(t *testing.T) {
	const n = 5*exportedAtOnce + 3
	var nodes []*v1.Node
	for i := range n {
		nodes = append(nodes, node(fmt.Sprint("node-", i)))
	}
	a := args()
	a.ScoreFrom = config.QoSFromModel
	s := newScheduler(t, a, nil, nodes...)
	looks := make([]int, n)
	var counting []fwk.NodeInfo
	for i, info := range s.nodes {
		counting = append(counting, counted{info, &looks[i]})
	}
	cycle := func() (judged int) {
		clear(looks)
		s.PreFilter(t.Context(), framework.NewCycleState(), pod("p", "latency", "100m"), counting)
		for _, times := range looks {
			judged += times
		}
		return judged
	}
	all := func() []string {
		out := slices.Clone(s.exported.Load().nodes)
		slices.Sort(out)
		return slices.Compact(out)
	}
	if cycle(); s.exported.Load() == nil || len(all()) != n {
		t.Fatal("the first pod does not have all nodes judged")
	}
	first := s.exported.Load()
	for range 10 {
		if s.elapsed.Add(int64(time.Second) - 1); s.exported.Load() != first || cycle() != 0 {
			t.Fatal("nodes are judged again within ten seconds")
		}
	}
	s.elapsed.Add(10)
	cycles := 0
	for ; s.exported.Load() == first; cycles++ {
		if judged := cycle(); judged > exportedAtOnce {
			t.Fatalf("a cycle judges %d nodes", judged)
		}
		// Nodes go meanwhile; this round is of those that it began with.
		counting = counting[:len(counting)-1]
	}
	if cycles != 6 || len(all()) != n || len(s.exported.Load().nodes) != n {
		t.Errorf("after %d cycles %d nodes are exported, %d times, want %d after 6", cycles, len(all()), len(s.exported.Load().nodes), n)
	}
	s.elapsed.Add(int64(time.Minute))
	before := s.exported.Load()
	cycle()
	if after := s.exported.Load(); after == before || len(after.nodes) != n-6 {
		t.Error("the pod after a pause does not have all nodes judged")
	}
}
