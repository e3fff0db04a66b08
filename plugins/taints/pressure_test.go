// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints_test

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// One node calm, one short of each resource, one short of both.
var (
	pressure = predicted{"cpu": taints.CPU, "memory": taints.Memory, "both": taints.CPU | taints.Memory}
	four     = []*v1.Node{node("calm"), node("cpu"), node("memory"), node("both")}
)

func toleration(operator v1.TolerationOperator, key, value string, effect v1.TaintEffect) v1.Toleration {
	return v1.Toleration{Operator: operator, Key: key, Value: value, Effect: effect}
}

// Pressure counts as a taint, so a pod tolerates it in each way it tolerates a taint:
// refused says which nodes a pod without luck does not get, scores what is left.
func TestTolerations(t *testing.T) {
	const key = taints.PressureTaint
	everywhere := map[string]int64{"calm": 100, "cpu": 100, "memory": 100, "both": 100}
	tests := []struct {
		name        string
		tolerations []v1.Toleration
		refused     []string
		scores      map[string]int64
	}{
		{name: "no toleration", refused: []string{"cpu", "memory", "both"},
			scores: map[string]int64{"calm": 100, "cpu": 50, "memory": 50, "both": 0}},
		{name: "the key, any value", tolerations: []v1.Toleration{toleration(v1.TolerationOpExists, key, "", "")}, scores: everywhere},
		{name: "everything", tolerations: []v1.Toleration{toleration(v1.TolerationOpExists, "", "", "")}, scores: everywhere},
		{name: "cpu only", tolerations: []v1.Toleration{toleration(v1.TolerationOpEqual, key, "cpu", "")}, refused: []string{"memory", "both"},
			scores: map[string]int64{"calm": 100, "cpu": 100, "memory": 0, "both": 0}},
		{name: "memory only, the operator left out", tolerations: []v1.Toleration{toleration("", key, "memory", "")}, refused: []string{"cpu", "both"},
			scores: map[string]int64{"calm": 100, "cpu": 0, "memory": 100, "both": 0}},
		{name: "cpu and memory", tolerations: []v1.Toleration{toleration(v1.TolerationOpEqual, key, "cpu", ""), toleration(v1.TolerationOpEqual, key, "memory", "")}, scores: everywhere},
		{name: "a value that is no resource", tolerations: []v1.Toleration{toleration(v1.TolerationOpEqual, key, "disk", "")}, refused: []string{"cpu", "memory", "both"},
			scores: map[string]int64{"calm": 100, "cpu": 50, "memory": 50, "both": 0}},
		{name: "another key", tolerations: []v1.Toleration{toleration(v1.TolerationOpExists, "example.com/dedicated", "", "")}, refused: []string{"cpu", "memory", "both"},
			scores: map[string]int64{"calm": 100, "cpu": 50, "memory": 50, "both": 0}},
		{name: "another effect", tolerations: []v1.Toleration{toleration(v1.TolerationOpExists, key, "", v1.TaintEffectNoExecute)}, refused: []string{"cpu", "memory", "both"},
			scores: map[string]int64{"calm": 100, "cpu": 50, "memory": 50, "both": 0}},
	}
	for _, tc := range tests {
		t.Run("NoSchedule/"+tc.name, func(t *testing.T) {
			s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{}, four...)
			statuses, scores := decide(t, s, pod(tc.tolerations...), s.nodes)
			refused := map[string]bool{}
			for _, name := range tc.refused {
				refused[name] = true
			}
			for name, status := range statuses {
				if !refused[name] {
					if !status.IsSuccess() {
						t.Errorf("%s: got %v, want success", name, status)
					}
				} else if status.Code() != fwk.Unschedulable || status.Message() != taints.ErrReasonPressure {
					// Unschedulable, since preemption can lower what is predicted.
					t.Errorf("%s: got %v, want Unschedulable for pressure", name, status)
				}
			}
			if !maps.Equal(scores, everywhere) {
				t.Errorf("got scores %v; an effect that refuses does not score", scores)
			}
		})
		t.Run("PreferNoSchedule/"+tc.name, func(t *testing.T) {
			s := schedulerWith(t, pressure.read, v1.TaintEffectPreferNoSchedule, feature.Features{}, four...)
			statuses, scores := decide(t, s, pod(tc.tolerations...), s.nodes)
			for name, status := range statuses {
				if !status.IsSuccess() {
					t.Errorf("%s: got %v; an effect that scores refuses nobody", name, status)
				}
			}
			if !maps.Equal(scores, tc.scores) {
				t.Errorf("got scores %v, want %v", scores, tc.scores)
			}
		})
	}
}

// A toleration may name the effect; then it holds for that effect alone.
func TestTolerationOfOneEffect(t *testing.T) {
	for _, effect := range []v1.TaintEffect{v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule} {
		s := schedulerWith(t, pressure.read, effect, feature.Features{}, four...)
		statuses, scores := decide(t, s, pod(toleration(v1.TolerationOpExists, taints.PressureTaint, "", v1.TaintEffectNoSchedule)), s.nodes)
		if !statuses["both"].IsSuccess() {
			t.Errorf("%s: got %v", effect, statuses["both"])
		}
		if want := map[v1.TaintEffect]int64{v1.TaintEffectNoSchedule: 100, v1.TaintEffectPreferNoSchedule: 0}[effect]; scores["both"] != want {
			t.Errorf("%s: got score %d, want %d", effect, scores["both"], want)
		}
	}
}

// Written taints and pressure add up in the score, and a written NoSchedule goes first.
func TestWrittenTaintsCount(t *testing.T) {
	prefer := v1.Taint{Key: "example.com/old", Effect: v1.TaintEffectPreferNoSchedule}
	refuse := v1.Taint{Key: "example.com/dedicated", Effect: v1.TaintEffectNoSchedule}
	nodes := []*v1.Node{node("calm"), node("cpu"), node("memory", prefer), node("both", prefer, refuse)}
	s := schedulerWith(t, pressure.read, v1.TaintEffectPreferNoSchedule, feature.Features{}, nodes...)
	statuses, scores := decide(t, s, pod(), s.nodes)
	// Untolerated: none, one, two, three of three.
	if want := map[string]int64{"calm": 100, "cpu": 67, "memory": 34, "both": 0}; !maps.Equal(scores, want) {
		t.Errorf("got scores %v, want %v", scores, want)
	}
	if statuses["both"].Code() != fwk.UnschedulableAndUnresolvable {
		t.Errorf("a written taint: got %v, want UnschedulableAndUnresolvable", statuses["both"])
	}

	s = schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{}, nodes...)
	statuses, _ = decide(t, s, pod(), s.nodes)
	if statuses["both"].Code() != fwk.UnschedulableAndUnresolvable || statuses["memory"].Code() != fwk.Unschedulable {
		t.Errorf("got %v and %v: no eviction cures a written taint, one may cure pressure", statuses["both"], statuses["memory"])
	}
}

// Every node of a cycle is judged by one view, even if a new one arrives meanwhile.
func TestOneViewPerCycle(t *testing.T) {
	calls := 0
	reader := func(fwk.CycleState, *v1.Pod, int) taints.Pressure {
		calls++
		if calls > 1 {
			return predicted{}
		}
		return pressure
	}
	s := schedulerWith(t, reader, v1.TaintEffectNoSchedule, feature.Features{}, four...)
	statuses, _ := decide(t, s, pod(), s.nodes)
	if calls != 1 {
		t.Errorf("the reader was asked %d times, want once", calls)
	}
	for _, name := range []string{"cpu", "memory", "both"} {
		if statuses[name].IsSuccess() {
			t.Errorf("%s passed: it was judged by a later view", name)
		}
	}
	statuses, _ = decide(t, s, pod(), s.nodes)
	if calls != 2 || !statuses["both"].IsSuccess() {
		t.Errorf("the next cycle: %d calls, %v, want the new view", calls, statuses["both"])
	}
}

// Preemption asks about nodes without the victims, under a clone of the state.
func TestPreemptionLowersPressure(t *testing.T) {
	victim := st.MakePod().Namespace("shop").Name("victim").UID("victim").Node("n").Obj()
	h := handle(t, []*v1.Pod{victim}, []*v1.Node{node("n"), node("spare")})
	plugin, err := taints.NewFactory(from(func(fwk.CycleState, *v1.Pod, int) taints.Pressure { return crowded{} }), nil)(t.Context(), args(v1.TaintEffectNoSchedule), h, feature.Features{})
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := h.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	p := plugin.(*taints.Taints)
	state := begin(t, p, pod(), nodes).Clone()
	if status := p.Filter(t.Context(), state, pod(), nodes[0]); status.Code() != fwk.Unschedulable {
		t.Errorf("with the victim: got %v", status)
	}
	without := nodes[0].Snapshot()
	if err := without.RemovePod(klog.FromContext(t.Context()), victim); err != nil {
		t.Fatal(err)
	}
	if status := p.Filter(t.Context(), state, pod(), without); !status.IsSuccess() {
		t.Errorf("without the victim: got %v", status)
	}
}

// crowded predicts that every node with a pod on it runs short.
type crowded struct{}

func (crowded) Lasts(fwk.CycleState, fwk.NodeInfo) taints.Resources { return 0 }

func (crowded) On(_ fwk.CycleState, node fwk.NodeInfo) taints.Resources {
	if len(node.GetPods()) > 0 {
		return taints.CPU
	}
	return 0
}

// A pod whose in-place resize waits is on its node for good, so pressure leaves it
// alone as taints do.
func TestDeferredResize(t *testing.T) {
	s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{EnableInPlacePodVerticalScalingSchedulerPreemption: true}, four...)
	resizing := st.MakePod().Name("p").Node("both").Condition(v1.PodResizePending, v1.ConditionTrue, v1.PodReasonDeferred).Obj()
	state := framework.NewCycleState()
	if _, status := s.PreFilter(t.Context(), state, resizing, s.nodes); !status.IsSkip() {
		t.Fatalf("PreFilter: got %v, want upstream's Skip", status)
	}
	for _, n := range s.nodes {
		if status := s.Filter(t.Context(), state, resizing, n); !status.IsSuccess() {
			t.Errorf("%s: got %v", n.Node().Name, status)
		}
	}
}

// activations is a handle that notes which pods are tried again.
type activations struct {
	fwk.Handle
	pods chan map[string]*v1.Pod
}

func (a activations) Activate(_ klog.Logger, pods map[string]*v1.Pod) { a.pods <- pods }

// A pod that predicted pressure refused is tried again when there is a new forecast; where pressure only scores nothing is refused,
// and nobody is.
func TestRefusedPodsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var forecasts atomic.Pointer[forecast.Snapshot]
		views := cycle.NewViews(forecasts.Load)
		h := activations{handle(t, nil, four), make(chan map[string]*v1.Pod, 10)}
		for _, effect := range []v1.TaintEffect{v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule} {
			plugin, err := taints.NewFactory(from(pressure.read), views)(ctx, args(effect), h, feature.Features{})
			if err != nil {
				t.Fatal(err)
			}
			nodes, err := h.SnapshotSharedLister().NodeInfos().List()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			decide(t, plugin.(*taints.Taints), pod(), nodes)
			time.Sleep(time.Minute)
			if len(h.pods) > 0 {
				t.Errorf("%s: tried again without a new forecast", effect)
			}
			forecasts.Store(forecast.NewSnapshot(forecast.Contents{Epoch: views.Epoch() + 1}))
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if want := effect == v1.TaintEffectNoSchedule; (len(h.pods) == 1) != want {
				t.Fatalf("%s: tried again %d times", effect, len(h.pods))
			} else if want {
				if again := <-h.pods; again["shop/p"] == nil {
					t.Errorf("%v are tried again", again)
				}
			}
		}
	})
}

// A DaemonSet's pod belongs to its node, however hot that is predicted to get. Another pod that names a DaemonSet's kind of
// another group is no such pod.
func TestDaemonsAreNotRefused(t *testing.T) {
	s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{}, four...)
	for version, want := range map[string]bool{"apps/v1": true, "example.com/v1": false} {
		daemon := pod()
		daemon.OwnerReferences = []metav1.OwnerReference{{APIVersion: version, Kind: "DaemonSet", Name: "agent", Controller: ptr.To(true)}}
		statuses, _ := decide(t, s, daemon, s.nodes)
		if statuses["both"].IsSuccess() != want {
			t.Errorf("%s: %v", version, statuses["both"])
		}
	}
}
