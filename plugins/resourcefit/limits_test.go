// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

// The guard refuses a node whose sum of limits the pod would take over a bound. The
// node has 4 CPUs, 8 GiB, 100 GiB of disk and 4 GPUs.
func TestLimitsGuardFilter(t *testing.T) {
	tests := []struct {
		name    string
		bounds  []config.LimitsBound
		there   []*v1.Pod
		pod     *v1.Pod
		code    fwk.Code
		reasons []string
	}{
		{name: "just at the bound", bounds: []config.LimitsBound{percent("cpu", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", amounts{"cpu": "1"}, amounts{"cpu": "3"})},
			pod:   plugintest.Pod("p", "", amounts{"cpu": "100m"}, amounts{"cpu": "1"})},
		{name: "a thousandth of a CPU over it", bounds: []config.LimitsBound{percent("cpu", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", amounts{"cpu": "1"}, amounts{"cpu": "3"})},
			pod:   plugintest.Pod("p", "", amounts{"cpu": "100m"}, amounts{"cpu": "1001m"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of cpu limits over 100% of allocatable"}},
		{name: "a bound above the allocatable", bounds: []config.LimitsBound{percent("cpu", 150)},
			there: []*v1.Pod{plugintest.Pod("a", "n", amounts{"cpu": "1"}, amounts{"cpu": "3"})},
			pod:   plugintest.Pod("p", "", amounts{"cpu": "100m"}, amounts{"cpu": "3"})},
		{name: "a bound below the allocatable", bounds: []config.LimitsBound{percent("cpu", 50)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "1500m"})},
			pod:   plugintest.Pod("p", "", nil, amounts{"cpu": "600m"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of cpu limits over 50% of allocatable"}},
		{name: "memory", bounds: []config.LimitsBound{percent("memory", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"memory": "6Gi"})},
			pod:   plugintest.Pod("p", "", nil, amounts{"memory": "2049Mi"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of memory limits over 100% of allocatable"}},
		{name: "ephemeral storage", bounds: []config.LimitsBound{percent("ephemeral-storage", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"ephemeral-storage": "60Gi"})},
			pod:   plugintest.Pod("p", "", nil, amounts{"ephemeral-storage": "41Gi"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of ephemeral-storage limits over 100% of allocatable"}},
		{name: "an extended resource", bounds: []config.LimitsBound{percent(gpu, 50)},
			there: []*v1.Pod{plugintest.Pod("a", "n", amounts{gpu: "1"}, amounts{gpu: "1"})},
			pod:   plugintest.Pod("p", "", amounts{gpu: "2"}, amounts{gpu: "2"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of example.com/gpu limits over 50% of allocatable"}},
		{name: "each bound that is passed is a reason", bounds: []config.LimitsBound{percent("cpu", 100), percent("memory", 100), percent(gpu, 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "3", "memory": "6Gi"})},
			pod:   plugintest.Pod("p", "", nil, amounts{"cpu": "2", "memory": "3Gi"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of cpu limits over 100% of allocatable", "Sum of memory limits over 100% of allocatable"}},
		{name: "a resource without a bound", bounds: []config.LimitsBound{percent("memory", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "300"})},
			pod:   plugintest.Pod("p", "", nil, amounts{"cpu": "300"})},
		{name: "a pod without limits counts its request", bounds: []config.LimitsBound{percent("cpu", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", amounts{"cpu": "3"}, nil)},
			pod:   plugintest.Pod("p", "", nil, amounts{"cpu": "1500m"}),
			code:  fwk.Unschedulable, reasons: []string{"Sum of cpu limits over 100% of allocatable"}},
		{name: "the pod in hand without limits counts its request", bounds: []config.LimitsBound{percent("cpu", 50)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "1500m"})},
			pod:   plugintest.Pod("p", "", amounts{"cpu": "1"}, nil),
			code:  fwk.Unschedulable, reasons: []string{"Sum of cpu limits over 50% of allocatable"}},
		{name: "a pod that takes nothing is not refused, however full the node", bounds: []config.LimitsBound{percent("cpu", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "40"})},
			pod:   plugintest.Pod("p", "", nil, nil)},
		{name: "a pod that takes nothing of the guarded resource is not refused", bounds: []config.LimitsBound{percent("cpu", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "40"})},
			pod:   plugintest.Pod("p", "", amounts{"memory": "1Gi"}, amounts{"memory": "1Gi", "cpu": "0"})},
		{name: "not even an empty node would do", bounds: []config.LimitsBound{percent("cpu", 100)},
			pod:  plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"cpu": "4001m"}),
			code: fwk.UnschedulableAndUnresolvable, reasons: []string{"Sum of cpu limits over 100% of allocatable"}},
		{name: "not even an empty node would do for one of two resources", bounds: []config.LimitsBound{percent("cpu", 100), percent("memory", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", nil, amounts{"cpu": "3"})},
			pod:   plugintest.Pod("p", "", nil, amounts{"cpu": "2", "memory": "9Gi"}),
			code:  fwk.UnschedulableAndUnresolvable, reasons: []string{"Sum of cpu limits over 100% of allocatable", "Sum of memory limits over 100% of allocatable"}},
		{name: "upstream's refusal goes first", bounds: []config.LimitsBound{percent("cpu", 100)},
			there: []*v1.Pod{plugintest.Pod("a", "n", amounts{"cpu": "3"}, amounts{"cpu": "3"})},
			pod:   plugintest.Pod("p", "", amounts{"cpu": "2"}, amounts{"cpu": "2"}),
			code:  fwk.Unschedulable, reasons: []string{"Insufficient cpu"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := newScheduler(t, guarded(config.LimitsGuardFilter, tc.bounds...), gates(), []*v1.Node{big("n")}, tc.there...)
			got := s.filter(t, tc.pod, s.nodes[0])
			if got.Code() != tc.code || got.Message() != strings.Join(tc.reasons, ", ") {
				t.Errorf("got %v %q, want %v %q", got.Code(), got.Message(), tc.code, tc.reasons)
			}
		})
	}
}

// Only mode Filter refuses: under None and Score the node stays, over its bound or not.
func TestOtherModesRefuseNobody(t *testing.T) {
	for _, mode := range []config.LimitsGuardMode{config.LimitsGuardNone, config.LimitsGuardScore} {
		s := newScheduler(t, guarded(mode, percent("cpu", 1)), gates(), []*v1.Node{big("n")}, plugintest.Pod("a", "n", nil, amounts{"cpu": "40"}))
		if got := s.filter(t, plugintest.Pod("p", "", nil, amounts{"cpu": "40"}), s.nodes[0]); !got.IsSuccess() {
			t.Errorf("%s: got %v", mode, got)
		}
	}
}

// Mode Score leaves a node that is over its bound the share bound / sum of its score,
// at the resource furthest over. Without the guard the empty node has 75 for this pod
// by LeastAllocated, all alone: a quarter of cpu and of memory is requested.
func TestLimitsGuardScore(t *testing.T) {
	requests := amounts{"cpu": "1", "memory": "2Gi"}
	tests := []struct {
		name   string
		bounds []config.LimitsBound
		limits amounts
		want   int64
	}{
		{"within the bound", []config.LimitsBound{percent("cpu", 100)}, amounts{"cpu": "4"}, 75},
		{"at twice its bound", []config.LimitsBound{percent("cpu", 100)}, amounts{"cpu": "8"}, 37},
		{"at three times its bound", []config.LimitsBound{percent("cpu", 100)}, amounts{"cpu": "12"}, 25},
		{"the resource furthest over counts", []config.LimitsBound{percent("cpu", 100), percent("memory", 100)}, amounts{"cpu": "5", "memory": "24Gi"}, 25},
		{"in either order", []config.LimitsBound{percent("memory", 100), percent("cpu", 100)}, amounts{"cpu": "12", "memory": "9Gi"}, 25},
		{"a node without the resource", []config.LimitsBound{percent("example.com/none", 100)}, amounts{"example.com/none": "1"}, 75},
		{"a thousand times its bound", []config.LimitsBound{percent("cpu", 1)}, amounts{"cpu": "40"}, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			args := guarded(config.LimitsGuardScore, tc.bounds...)
			args.BalancedAllocation.Weight = 0
			s := newScheduler(t, args, gates(), []*v1.Node{big("n")})
			if got := s.score(t, plugintest.Pod("p", "", requests, tc.limits), s.nodes[0]); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
	t.Run("pods on the node count", func(t *testing.T) {
		args := guarded(config.LimitsGuardScore, percent("cpu", 100))
		args.BalancedAllocation.Weight = 0
		s := newScheduler(t, args, gates(), []*v1.Node{big("n")}, plugintest.Pod("a", "n", requests, amounts{"cpu": "4"}))
		if got := s.score(t, plugintest.Pod("p", "", requests, amounts{"cpu": "4"}), s.nodes[0]); got != 25 {
			t.Errorf("got %d, want half of 50", got)
		}
	})
	t.Run("a pod that takes nothing of the resource is not scored down for the others", func(t *testing.T) {
		args := guarded(config.LimitsGuardScore, percent("cpu", 100))
		args.BalancedAllocation.Weight = 0
		args.ScoringStrategy.Resources = args.ScoringStrategy.Resources[1:] // Memory.
		s := newScheduler(t, args, gates(), []*v1.Node{big("n")}, plugintest.Pod("a", "n", requests, amounts{"cpu": "40"}))
		if got := s.score(t, plugintest.Pod("p", "", amounts{"memory": "2Gi"}, nil), s.nodes[0]); got != 50 {
			t.Errorf("got %d, want 50", got)
		}
	})
}

// Equal requests with other limits are other pods where limits are guarded, so they
// must not share a signature; without the guard the signature is upstream's.
func TestSignPod(t *testing.T) {
	small, large := plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"cpu": "2"}), plugintest.Pod("p", "", amounts{"cpu": "1"}, amounts{"cpu": "3"})
	sign := func(mode config.LimitsGuardMode, pod *v1.Pod) string {
		s := newScheduler(t, guarded(mode, percent("cpu", 100)), gates(), nil)
		fragments, status := s.SignPod(t.Context(), pod)
		if !status.IsSuccess() {
			t.Fatal(status)
		}
		if upstream, _ := s.fit.SignPod(t.Context(), pod); mode == config.LimitsGuardNone && !reflect.DeepEqual(fragments, upstream) {
			t.Errorf("got %v, want upstream's %v", fragments, upstream)
		}
		signed, err := json.Marshal(fragments) // As the framework does.
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	for mode, differ := range map[config.LimitsGuardMode]bool{config.LimitsGuardNone: false, config.LimitsGuardScore: true, config.LimitsGuardFilter: true} {
		if (sign(mode, small) != sign(mode, large)) != differ {
			t.Errorf("%s: want different signatures: %v", mode, differ)
		}
		if sign(mode, small) != sign(mode, small.DeepCopy()) {
			t.Errorf("%s: equal pods have different signatures", mode)
		}
	}
	if !strings.Contains(sign(config.LimitsGuardFilter, small), "2000") {
		t.Error("the limit is not in the signature")
	}
}

// A pod whose in-place resize waits is on its node already; upstream takes it out of
// the node's sum before it asks whether it fits, and so must the guard.
func TestDeferredResize(t *testing.T) {
	fts := gates()
	fts.EnableInPlacePodVerticalScalingSchedulerPreemption = true
	p := plugintest.Pod("p", "n", amounts{"cpu": "1"}, amounts{"cpu": "3"})
	p.Status.Conditions = []v1.PodCondition{{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: v1.PodReasonDeferred}}
	s := newScheduler(t, guarded(config.LimitsGuardFilter, percent("cpu", 100)), fts, []*v1.Node{big("n")}, p)
	if got := s.filter(t, p, s.nodes[0]); !got.IsSuccess() {
		t.Errorf("got %v, though the pod's limit of 3 is all there is on 4 CPUs", got)
	}
}
