// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
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

func snapshotOf(epoch uint64, upper float64) *forecast.Snapshot {
	return forecast.NewSnapshot(forecast.Contents{Epoch: epoch, PodsEpoch: epoch, Workloads: web(upper)})
}

func web(upper float64) map[forecast.Workload]*forecast.PodForecast {
	return map[forecast.Workload]*forecast.PodForecast{{Namespace: "shop", Kind: "StatefulSet", Name: "web"}: forecastOf(1, 1, upper)}
}

// owned is a pod of a controller.
func owned(kind, name string) *v1.Pod {
	yes := true
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name + "-x",
		OwnerReferences: []metav1.OwnerReference{{Kind: "Other", Name: "other"}, {Kind: kind, Name: name, Controller: &yes}},
	}}
}

func forecastOf(mean, lower, upper float64) *forecast.PodForecast {
	f := &forecast.PodForecast{}
	for h := range f.Peaks {
		for r := range f.Peaks[h] {
			f.Peaks[h][r] = forecast.Peak{Mean: mean, Lower: lower, Upper: upper}
		}
	}
	return f
}

// A node's load is added up once for what it has and is forecast to use, and anew when either changes; in the cycle of a
// pod group, where a generation says nothing, always.
func TestLoads(t *testing.T) {
	n := &node{name: "n", generation: 1, pods: []fwk.PodInfo{resident{pod: owned("StatefulSet", "web")}}}
	var loads Loads
	check := func(what string, s *forecast.Snapshot, group bool, want float64, asked int) {
		t.Helper()
		n.asked = 0
		if got := loads.Of(cycle{group: group}, s, n).Load[forecast.Day][forecast.Memory].SumPeaks; got != want || n.asked != asked {
			t.Errorf("%s: %v after asking %d times, want %v after %d", what, got, n.asked, want, asked)
		}
	}
	first := snapshotOf(1, 2)
	check("at first", first, false, 2, 1)
	check("again", first, false, 2, 0)
	aged := forecast.NewSnapshot(forecast.Contents{Epoch: 9, PodsEpoch: 1, Forecasts: map[string]forecast.NodeForecast{"n": {Rung: forecast.Stale}}})
	check("the node is older, its pods' forecasts are not", aged, false, 2, 0)
	if rung := loads.Of(cycle{}, aged, n).Forecast.Rung; rung != forecast.Stale {
		t.Errorf("the node is on the rung %v of an older snapshot", rung)
	}
	check("forecast anew", snapshotOf(2, 3), false, 3, 1)
	pods := n.pods
	n.pods = nil
	check("nothing is known", nil, false, 0, 1)
	n.pods = pods
	check("the first snapshot", forecast.NewSnapshot(forecast.Contents{Epoch: 1, Workloads: web(3)}), false, 3, 1)
	check("forecast anew again", snapshotOf(2, 3), false, 3, 1)
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
				if v.Loads.Of(state, v.Snapshot, infos[i]).Forecast.Rung != forecast.Fresh {
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
				if peaks, _ := v.Peaks(state, infos[i]); peaks[forecast.Memory].Upper != 4 {
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
	c := forecast.Contents{Epoch: 1, Workloads: map[forecast.Workload]*forecast.PodForecast{{Namespace: "shop", Kind: "StatefulSet", Name: "web"}: forecastOf(1, 1, 2)}, Forecasts: map[string]forecast.NodeForecast{}}
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
		c.Forecasts[n.object.Name] = forecast.NodeForecast{Rung: forecast.Fresh}
	}
	s := forecast.NewSnapshot(c)
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
