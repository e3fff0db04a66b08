// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// tainted are nodes with each effect, and pods that tolerate some of it.
func tainted() ([]*v1.Node, []*v1.Pod) {
	taint := func(value string, effect v1.TaintEffect) v1.Taint {
		return v1.Taint{Key: "tier", Value: value, Effect: effect}
	}
	nodes := []*v1.Node{
		node("plain"),
		node("refuses", taint("1", v1.TaintEffectNoSchedule)),
		node("evicts", taint("1", v1.TaintEffectNoExecute)),
		node("dislikes", taint("1", v1.TaintEffectPreferNoSchedule)),
		node("dislikes-twice", taint("1", v1.TaintEffectPreferNoSchedule), v1.Taint{Key: "old", Effect: v1.TaintEffectPreferNoSchedule}),
		node("five", taint("5", v1.TaintEffectNoSchedule)),
	}
	pods := []*v1.Pod{
		pod(),
		pod(toleration(v1.TolerationOpExists, "tier", "", "")),
		pod(toleration(v1.TolerationOpEqual, "tier", "1", v1.TaintEffectNoSchedule)),
		pod(toleration(v1.TolerationOpExists, "", "", "")),
		pod(toleration(v1.TolerationOpGt, "tier", "3", v1.TaintEffectNoSchedule)),
	}
	return nodes, pods
}

// Where nothing is predicted, each decision and each score is upstream's, with the
// comparison operators on and off.
func TestWithoutPressureAsUpstream(t *testing.T) {
	readers := map[string]taints.PressureReader{
		"no reader":  nil,
		"no view":    func(fwk.CycleState, *v1.Pod, int) taints.Pressure { return nil },
		"empty view": predicted{}.read,
	}
	nodes, pods := tainted()
	for name, reader := range readers {
		for _, comparison := range []bool{false, true} {
			for _, effect := range []v1.TaintEffect{v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule} {
				s := schedulerWith(t, reader, effect, feature.Features{EnableTaintTolerationComparisonOperators: comparison}, nodes...)
				for i, p := range pods {
					statuses, scores := decide(t, s, p, s.nodes)
					wantStatuses, wantScores := decide(t, s.upstream, p, s.nodes)
					if !maps.EqualFunc(statuses, wantStatuses, func(a, b *fwk.Status) bool { return a.Equal(b) }) {
						t.Errorf("%s, pod %d: got %v, want %v", name, i, statuses, wantStatuses)
					}
					if !maps.Equal(scores, wantScores) {
						t.Errorf("%s, pod %d: got %v, want %v", name, i, scores, wantScores)
					}
				}
			}
		}
	}
}

// The comparison operators reach the pressure taint too: its value is no number, so
// they tolerate nothing, and do no harm.
func TestComparisonOperators(t *testing.T) {
	s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{EnableTaintTolerationComparisonOperators: true}, four...)
	statuses, _ := decide(t, s, pod(toleration(v1.TolerationOpGt, taints.PressureTaint, "0", "")), s.nodes)
	if statuses["calm"].Code() != fwk.Success || statuses["both"].Code() != fwk.Unschedulable {
		t.Errorf("got %v", statuses)
	}
}

// Tolerations are in upstream's signature, and how far ahead pressure counts is the
// workload's: without a workload, pods that upstream takes for equal are equal to us.
func TestSignPod(t *testing.T) {
	s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{}, four...)
	_, pods := tainted()
	for i, p := range pods {
		got, status := s.SignPod(t.Context(), p)
		want, _ := s.upstream.SignPod(t.Context(), p)
		if !status.IsSuccess() || len(got) != len(want)+1 || !reflect.DeepEqual(got[:len(want)], want) {
			t.Errorf("pod %d: got %v, %v, want %v and the workload", i, got, status, want)
		}
		owned := p.DeepCopy()
		owned.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Name: "short", Controller: new(true)}}
		if other, _ := s.SignPod(t.Context(), owned); reflect.DeepEqual(got, other) {
			t.Errorf("pod %d: its workload does not change the signature %v", i, got)
		}
	}
}

// A pod that leaves a node lowers its pressure. That matters to pods that pressure refused a node,
// and only to them: where it scores, no pod waits for it.
func TestQueueAfterPodLeaves(t *testing.T) {
	gone := pod()
	gone.Spec.NodeName = "cpu"
	left := []fwk.ClusterEvent{{Resource: fwk.AssignedPod, ActionType: fwk.Delete}}
	for _, tc := range []struct {
		name   string
		reader taints.PressureReader
		effect v1.TaintEffect
		want   bool
	}{
		{"refuses", pressure.read, v1.TaintEffectNoSchedule, true},
		{"scores", pressure.read, v1.TaintEffectPreferNoSchedule, false},
		{"predicts nothing", nil, v1.TaintEffectNoSchedule, false},
	} {
		s := schedulerWith(t, tc.reader, tc.effect, feature.Features{}, four...)
		if plugintest.Queued(t, s, pod(), left, gone, nil) {
			t.Errorf("%s: queued, and was refused nothing", tc.name)
		}
		decide(t, s, pod(), s.nodes)
		if got := plugintest.Queued(t, s, pod(), left, gone, nil); got != tc.want {
			t.Errorf("%s: queued %v, want %v", tc.name, got, tc.want)
		}
	}
}

// Upstream's events stay: a node without its taint, a new node, a new toleration.
func TestQueueAsUpstream(t *testing.T) {
	s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{})
	before, after := node("n", v1.Taint{Key: "tier", Effect: v1.TaintEffectNoSchedule}), node("n")
	if !plugintest.Queued(t, s, pod(), framework.NodeSchedulingPropertiesChange(after, before), before, after) {
		t.Error("a node lost its taint: not queued")
	}
	if plugintest.Queued(t, s, pod(), framework.NodeSchedulingPropertiesChange(before, after), after, before) {
		t.Error("a node got a taint: queued")
	}
	if !plugintest.Queued(t, s, pod(), []fwk.ClusterEvent{{Resource: fwk.Node, ActionType: fwk.Add}}, nil, node("new")) {
		t.Error("a new node: not queued")
	}
	tolerant := pod(toleration(v1.TolerationOpExists, taints.PressureTaint, "", ""))
	if !plugintest.Queued(t, s, tolerant, framework.PodSchedulingPropertiesChange(tolerant, pod(), true), pod(), tolerant) {
		t.Error("the pod came to tolerate pressure: not queued")
	}
}

// A node that grows is further from its peak, so a pod that pressure refused there may
// fit now. Unlike a falling forecast this does raise an event.
func TestQueueAfterNodeGrows(t *testing.T) {
	s := schedulerWith(t, pressure.read, v1.TaintEffectNoSchedule, feature.Features{}, four...)
	decide(t, s, pod(), s.nodes)
	before, after := node("n"), node("n")
	before.Status.Allocatable = v1.ResourceList{v1.ResourceCPU: resource.MustParse("4")}
	after.Status.Allocatable = v1.ResourceList{v1.ResourceCPU: resource.MustParse("8")}
	if !plugintest.Queued(t, s, pod(), framework.NodeSchedulingPropertiesChange(after, before), before, after) {
		t.Error("not queued")
	}
}

// Wrong args are refused with the place in the file.
func TestNewRefuses(t *testing.T) {
	factory := taints.NewFactory(from(pressure.read), nil)
	const path = "pluginConfig[Taints].args.predictedPressure.effect"
	if _, err := factory(t.Context(), args(v1.TaintEffectNoExecute), handle(t, nil, nil), feature.Features{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got error %v, want one that names %s", err, path)
	}
	if _, err := factory(t.Context(), &config.AffinityArgs{}, handle(t, nil, nil), feature.Features{}); err == nil || !strings.Contains(err.Error(), "TaintsArgs") {
		t.Errorf("args of another plugin: got error %v", err)
	}
}

// Filter and Score run for every node of every pod, so what we add must not allocate.
func TestNoAllocations(t *testing.T) {
	allocations := func(p filterAndScorer, pod *v1.Pod, nodes []fwk.NodeInfo) (filter, score float64) {
		ctx, state := t.Context(), begin(t, p, pod, nodes)
		filter = testing.AllocsPerRun(100, func() {
			for _, n := range nodes {
				p.Filter(ctx, state, pod, n)
			}
		})
		score = testing.AllocsPerRun(100, func() {
			for _, n := range nodes {
				p.Score(ctx, state, pod, n)
			}
		})
		return filter, score
	}
	calm := predicted{"other": taints.CPU}
	for _, effect := range []v1.TaintEffect{v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule} {
		view := pressure
		if effect == v1.TaintEffectNoSchedule {
			view = calm // A refusal makes a status, as upstream's does.
		}
		s := schedulerWith(t, view.read, effect, feature.Features{}, four...)
		filter, score := allocations(s, pod(), s.nodes)
		wantFilter, wantScore := allocations(s.upstream, pod(), s.nodes)
		if filter != wantFilter || score != wantScore {
			t.Errorf("%s: Filter and Score of %d nodes allocate %.0f and %.0f times, upstream's %.0f and %.0f",
				effect, len(s.nodes), filter, score, wantFilter, wantScore)
		}
	}
}
