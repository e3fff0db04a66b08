// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// node is what Loads asks of a NodeInfo.
type node struct {
	fwk.NodeInfo
	name       string
	generation int64
	pods       []fwk.PodInfo
	asked      int
}

func (n *node) GetAllocatable() fwk.Resource { return &framework.Resource{} }

func (n *node) Node() *v1.Node {
	o := &v1.Node{}
	o.Name = n.name
	return o
}
func (n *node) GetGeneration() int64   { return n.generation }
func (n *node) GetPods() []fwk.PodInfo { n.asked++; return n.pods }

// resident is what Loads asks of a PodInfo.
type resident struct {
	fwk.PodInfo
	pod *v1.Pod
}

func (r resident) GetPod() *v1.Pod { return r.pod }

// cycle is what Loads asks of a CycleState.
type cycle struct {
	fwk.CycleState
	group bool
}

func (c cycle) IsPodGroupSchedulingCycle() bool { return c.group }

func snapshotOf(epoch uint64, upper float64) *Snapshot {
	return NewSnapshot(Contents{Epoch: epoch, PodsEpoch: epoch, Workloads: map[Workload]*PodForecast{{"shop", "StatefulSet", "web"}: forecast(1, 1, upper)}})
}

// A node's load is added up once for what it has and is forecast to use, and anew when either changes; in the cycle of a
// pod group, where a generation says nothing, always.
func TestLoads(t *testing.T) {
	n := &node{name: "n", generation: 1, pods: []fwk.PodInfo{resident{pod: owned("StatefulSet", "web")}}}
	var loads Loads
	check := func(what string, s *Snapshot, group bool, want float64, asked int) {
		t.Helper()
		n.asked = 0
		if got := loads.Of(cycle{group: group}, s, n).Load[Day][Memory].SumPeaks; got != want || n.asked != asked {
			t.Errorf("%s: %v after asking %d times, want %v after %d", what, got, n.asked, want, asked)
		}
	}
	first := snapshotOf(1, 2)
	check("at first", first, false, 2, 1)
	check("again", first, false, 2, 0)
	aged := NewSnapshot(Contents{Epoch: 9, PodsEpoch: 1, Forecasts: map[string]NodeForecast{"n": {Rung: Stale}}})
	check("the node is older, its pods' forecasts are not", aged, false, 2, 0)
	if rung := loads.Of(cycle{}, aged, n).Forecast.Rung; rung != Stale {
		t.Errorf("the node is on the rung %v of an older snapshot", rung)
	}
	check("forecast anew", snapshotOf(2, 3), false, 3, 1)
	n.pods = append(n.pods, resident{pod: owned("StatefulSet", "web")})
	n.generation++
	check("one more pod", snapshotOf(2, 3), false, 6, 1)
	n.pods = n.pods[:1]
	check("a group's cycle", snapshotOf(2, 3), true, 3, 1)
	check("after it", snapshotOf(2, 3), false, 6, 0)
	for i := range 1000 {
		n.name = fmt.Sprint("n", i)
		loads.Of(cycle{}, first, n)
		loads.Forget(10)
	}
	if kept := loads.nodes.Len(); kept > 121 {
		t.Errorf("%d nodes' loads are kept of 10 nodes", kept)
	}
}

// All that a filter asks about a node: its forecast, the load of its pods, and the peak with the pod for both resources.
// BenchmarkNodeWithPod is what Filter and Score read per node: "load" the node's load and forecast, "peaks" the predicted peaks
// of both resources with the pod besides.
func BenchmarkNodeWithPod(b *testing.B) {
	for _, nodes := range []int{1000, 5000, 15_000} {
		v, infos := benchNodes(nodes)
		var state fwk.CycleState = cycle{}
		b.Run(fmt.Sprint("load-", nodes), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if v.Loads.Of(state, v.Snapshot, infos[i]).Forecast.Rung != Fresh {
					b.Fatal("wrong")
				}
				if i++; i == len(infos) {
					i = 0
				}
			}
		})
		b.Run(fmt.Sprint("peaks-", nodes), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if peaks, _ := v.Peaks(state, infos[i]); peaks[Memory].Upper != 4 {
					b.Fatal("wrong")
				}
				if i++; i == len(infos) {
					i = 0
				}
			}
		})
	}
}

// benchNodes are nodes of a pod each, all looked at once, and the view for one more.
func benchNodes(count int) (*View, []fwk.NodeInfo) {
	c := Contents{Epoch: 1, Workloads: map[Workload]*PodForecast{{"shop", "StatefulSet", "web"}: forecast(1, 1, 2)}, Forecasts: map[string]NodeForecast{}}
	for h := range c.Combiners {
		for r := range c.Combiners[h] {
			c.Combiners[h][r].Together = 1
		}
	}
	var nodes []fwk.NodeInfo
	for i := range count {
		n := &benchNode{object: &v1.Node{}, generation: int64(i)}
		n.object.Name = fmt.Sprint("node-", i)
		n.pods = []fwk.PodInfo{resident{pod: owned("StatefulSet", "web")}}
		nodes = append(nodes, n)
		c.Forecasts[n.object.Name] = NodeForecast{Rung: Fresh}
	}
	s := NewSnapshot(c)
	v := &View{Snapshot: s, Pod: s.Pod(owned("StatefulSet", "web")), Loads: &Loads{}}
	v.Horizon = v.Pod.Horizon()
	for _, n := range nodes {
		v.Peaks(cycle{}, n)
	}
	return v, nodes
}

type benchNode struct {
	fwk.NodeInfo
	object     *v1.Node
	generation int64
	pods       []fwk.PodInfo
}

func (n *benchNode) Node() *v1.Node         { return n.object }
func (n *benchNode) GetGeneration() int64   { return n.generation }
func (n *benchNode) GetPods() []fwk.PodInfo { return n.pods }
