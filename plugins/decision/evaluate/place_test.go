// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
)

// placeAsSeen evaluates a pod that is on a node already, with others that came after it.
func (c *cluster) placeAsSeen(pod *v1.Pod, node string, later []*v1.Pod) *decision.Placed {
	c.t.Helper()
	on := pod.DeepCopy()
	on.Spec.NodeName = node
	p, err := c.evaluator.Place(context.Background(), evaluate.Placement{Pod: on, Profile: profileName, Later: func() []*v1.Pod { return later }, Draw: func(int) int { return 0 }})
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// The oracle of a decision about another scheduler's pod is the profile itself: it has placed pods one after the other, and when it is
// asked afterwards about one of them, with those that came later on their nodes, it would have placed it where it did.
func TestPlaceIsWhatTheProfileDecided(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	fill(c)
	type decided struct {
		pod    *v1.Pod
		record *decision.Record
		best   int64
	}
	var all []decided
	shown, differ := 0, 0
	for i := range 240 {
		pod := c.randomPod(fmt.Sprint("pod-", i))
		d := decided{pod: pod, record: c.schedule(pod)}
		for _, s := range c.scored {
			d.best = max(d.best, s.TotalScore)
		}
		if all = append(all, d); len(all) < 6 {
			continue
		}
		first := all[0]
		all = all[1:]
		if first.record.Node == "" {
			continue
		}
		var later []*v1.Pod
		for _, l := range all {
			if l.record.Node != "" {
				on := l.pod.DeepCopy()
				on.Spec.NodeName = l.record.Node
				later = append(later, on)
			}
		}
		got := c.placeAsSeen(first.pod, first.record.Node, later)
		if got.Node != first.record.Node || got.Feasible != first.record.Feasible || got.TheirsRefused != "" {
			t.Fatalf("%s went to %s, one of %d; afterwards: %+v", first.pod.Name, first.record.Node, first.record.Feasible, got)
		}
		if first.record.Feasible > 1 {
			if shown++; got.Total != first.best || got.TheirTotal != first.best {
				t.Fatalf("%s scored %d, afterwards %+v", first.pod.Name, first.best, got)
			}
		}
		if blind := c.placeAsSeen(first.pod, first.record.Node, nil); blind.Node != got.Node || blind.Total != got.Total || blind.Feasible != got.Feasible {
			differ++
		}
	}
	if shown < 150 || differ < 10 {
		t.Errorf("%d pods shown, and those that came later make a difference for %d: the test shows too little", shown, differ)
	}
}

// Pods that are taken to be elsewhere are there, whatever node they are on; one that is gone is nowhere.
func TestPlaceWithMovedPods(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	first, second := c.addNode("4", "32Gi"), c.addNode("4", "32Gi")
	there := c.bound(c.pod("there", "3", "1Gi"), first)
	gone := c.pod("gone", "3", "1Gi")
	gone.Spec.NodeName = second
	pod := c.bound(c.pod("web", "2", "1Gi"), first)
	for want, moved := range map[string][]evaluate.Moved{second: nil, first: {{Pod: there, To: second}}, "": {{Pod: there, To: second}, {Pod: gone, To: first}}} {
		got, err := c.evaluator.Place(t.Context(), evaluate.Placement{Pod: pod, Profile: profileName, Moved: moved, Draw: func(int) int { return 0 }})
		if want == "" {
			want = first // What is gone takes no room.
		}
		if err != nil || got.Node != want || got.Feasible != 1 {
			t.Errorf("with %d moved: %+v, %v, want %s", len(moved), got, err, want)
		}
	}
}

// Nodes to do without are none for the pod, whatever moves to them; without its own node it is not put back there.
func TestPlaceWithoutNodes(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	own, other := c.addNode("16", "64Gi"), c.addNode("4", "16Gi")
	there := c.bound(c.pod("there", "1", "1Gi"), own)
	pod := c.bound(c.pod("web", "2", "1Gi"), own)
	for _, tc := range []struct {
		without []string
		want    []string
	}{{nil, []string{own}}, {[]string{own}, []string{other}}, {[]string{own, other}, nil}} {
		all, err := c.evaluator.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.evaluator.Best(t.Context(), all, evaluate.Placement{Pod: pod, Profile: profileName, Without: tc.without, Moved: []evaluate.Moved{{Pod: there, To: other}}})
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("without %v: %v, %v, want %v", tc.without, got, err, tc.want)
		}
	}
}

// Another scheduler's node that the profile would refuse, or that is gone, is told; so is a pod that it would leave waiting.
func TestPlaceTellsWhatItWouldRefuse(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	small, large := c.addNode("1", "4Gi"), c.addNode("8", "32Gi")
	for _, tc := range []struct{ name, cpu, on, want, refused string }{
		{"web", "2", small, large, "Insufficient cpu"}, {"fits", "100m", large, large, ""}, {"huge", "100", large, "", "Insufficient cpu"},
	} {
		pod := c.bound(c.pod(tc.name, tc.cpu, "1Gi"), tc.on)
		if got := c.placeAsSeen(pod, tc.on, nil); got.Node != tc.want || got.TheirsRefused != tc.refused {
			t.Errorf("%s: %+v", tc.name, got)
		}
		if err := c.sched.Cache.RemovePod(klog.Background(), pod); err != nil {
			t.Fatal(err)
		}
		// Without it in the cache nobody knows which pods before it are there.
		if _, err := c.evaluator.Place(t.Context(), evaluate.Placement{Pod: pod, Profile: profileName}); !errors.Is(err, decision.ErrNotYet) {
			t.Errorf("%s, which is not there: %v", tc.name, err)
		}
	}
	if got := c.placeAsSeen(c.pod("late", "2", "1Gi"), "gone", nil); got.Node != large || got.TheirsRefused != "the node is gone" {
		t.Errorf("%+v", got)
	}
}

// bound puts the pod on a node, as the informers tell the cache.
func (c *cluster) bound(pod *v1.Pod, node string) *v1.Pod {
	c.t.Helper()
	pod.Spec.NodeName = node
	if err := c.sched.Cache.AddPod(klog.Background(), pod); err != nil {
		c.t.Fatal(err)
	}
	return pod
}
