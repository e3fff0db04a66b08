// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Only a guard that refuses nodes makes pods wait for limits; else the events are
// upstream's.
func TestEventsOfOtherModes(t *testing.T) {
	for _, mode := range []config.LimitsGuardMode{config.LimitsGuardNone, config.LimitsGuardScore} {
		s := newScheduler(t, guarded(mode, percent("cpu", 100)), gates(), nil)
		got, err := s.EventsToRegister(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, _ := s.fit.EventsToRegister(t.Context())
		if len(got) != len(want) {
			t.Fatalf("%s: got %d events, want upstream's %d", mode, len(got), len(want))
		}
		for i := range got {
			if got[i].Event != want[i].Event {
				t.Errorf("%s: got event %v, want %v", mode, got[i].Event, want[i].Event)
			}
		}
	}
}

// A node that grows has more room for limits, though the pod in hand requests nothing
// of what grew.
func TestQueueAfterNode(t *testing.T) {
	sized := func(cpu, memory, pods string) *v1.Node {
		return st.MakeNode().Name("n").Capacity(amounts{"cpu": cpu, "memory": memory, "pods": pods}).Obj()
	}
	waiting := plugintest.Pod("p", "", amounts{"memory": "1Gi"}, amounts{"cpu": "3", "memory": "1Gi"})
	for _, tc := range []struct {
		name          string
		before, after *v1.Node
		want          bool
	}{
		{"a new node", nil, sized("4", "8Gi", "32"), true},
		{"a new node that is too small for the request", nil, sized("4", "1Mi", "32"), false},
		{"the guarded resource grows", sized("4", "8Gi", "32"), sized("5", "8Gi", "32"), true},
		{"the guarded resource appears", sized("0", "8Gi", "32"), sized("5", "8Gi", "32"), true},
		{"the guarded resource shrinks", sized("5", "8Gi", "32"), sized("4", "8Gi", "32"), false},
		{"upstream's cause: what the pod requests grows", sized("4", "8Gi", "32"), sized("4", "9Gi", "32"), true},
		{"upstream's cause: room for more pods", sized("4", "8Gi", "32"), sized("4", "8Gi", "64"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newScheduler(t, guarded(config.LimitsGuardFilter, percent("cpu", 100)), gates(), nil)
			events, before := []fwk.ClusterEvent{{Resource: fwk.Node, ActionType: fwk.Add}}, any(nil)
			if tc.before != nil {
				events, before = framework.NodeSchedulingPropertiesChange(tc.after, tc.before), tc.before
			}
			if got := plugintest.Queued(t, s, waiting, events, before, tc.after); got != tc.want {
				t.Errorf("queued %v, want %v", got, tc.want)
			}
		})
	}
}

// A pod that leaves, or whose limit shrinks, makes room for limits, whatever it requests.
func TestQueueAfterOtherPod(t *testing.T) {
	s := newScheduler(t, guarded(config.LimitsGuardFilter, percent("cpu", 100)), gates(), nil)
	waiting := plugintest.Pod("p", "", nil, amounts{"cpu": "3"})
	other := func(request, limit, memory string) *v1.Pod {
		return plugintest.Pod("a", "n", amounts{"cpu": request}, amounts{"cpu": limit, "memory": memory})
	}
	before := other("1", "4", "2Gi")
	if !plugintest.Queued(t, s, waiting, []fwk.ClusterEvent{{Resource: fwk.AssignedPod, ActionType: fwk.Delete}}, before, nil) {
		t.Error("a pod leaves: not queued")
	}
	running := other("1", "4", "2Gi")
	running.Status.Phase = v1.PodRunning
	for _, tc := range []struct {
		name  string
		after *v1.Pod
		want  bool
	}{
		{"the limit alone shrinks", other("1", "3", "2Gi"), true},
		{"limit and request shrink", other("500m", "3", "2Gi"), true},
		{"the limit grows", other("1", "5", "2Gi"), false},
		{"a limit without a bound shrinks", other("1", "4", "1Gi"), false},
		{"the request alone shrinks", other("500m", "4", "2Gi"), false},
		{"the status alone changes", running, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := plugintest.Queued(t, s, waiting, framework.PodSchedulingPropertiesChange(tc.after, before, false), before, tc.after); got != tc.want {
				t.Errorf("queued %v, want %v", got, tc.want)
			}
		})
	}
}

// The pod that waits may itself come to ask for less.
func TestQueueAfterOwnLimitShrinks(t *testing.T) {
	s := newScheduler(t, guarded(config.LimitsGuardFilter, percent("cpu", 100)), gates(), nil)
	before, after := plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"cpu": "5"}), plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"cpu": "2"})
	if !plugintest.Queued(t, s, after, framework.PodSchedulingPropertiesChange(after, before, true), before, after) {
		t.Error("not queued")
	}
}

// Where predictions refuse nodes, a pod that was refused one is tried again when something may have cured that, though it lacks nothing that it requests.
func TestQueueAfterPredictionMayBeCured(t *testing.T) {
	s := predictingScheduler(t, predicting(config.PredictedPeakFilter, "LeastAllocated"),
		reading(future(1, map[string]forecast.Interval{"hot": exactly(5), "cool": exactly(0)})), []*v1.Node{big("hot"), big("cool")})
	in := plugintest.Pod("in", "", amounts{"memory": "1Gi"}, nil)
	before, after := big("hot"), big("hot")
	after.Status.Allocatable = v1.ResourceList{v1.ResourceCPU: resource.MustParse("8"), v1.ResourceMemory: before.Status.Allocatable[v1.ResourceMemory], v1.ResourcePods: before.Status.Allocatable[v1.ResourcePods]}
	grown := framework.NodeSchedulingPropertiesChange(after, before)
	if plugintest.Queued(t, s, in, grown, before, after) {
		t.Error("queued, and was refused nothing")
	}
	if status := s.filter(t, in, s.node(t, "hot")); status.IsSuccess() {
		t.Fatal("not refused")
	}
	if !plugintest.Queued(t, s, in, grown, before, after) {
		t.Error("not queued")
	}
}
