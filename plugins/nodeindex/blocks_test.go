// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// comparePass has the index look at every node, and wants the same answer from it where the blocks led to one.
func (s *scene) comparePass(t testing.TB, pod *v1.Pod) {
	t.Helper()
	x, q, p := s.profile.index, s.profile.index.query, s.profile.terms
	fits := x.fitsOf(q, p)
	x.random = rand.New(rand.NewPCG(s.led, 1))
	full := x.pass(q, fits)
	if !q.Plain() {
		return
	}
	x.random = rand.New(rand.NewPCG(s.led, 1))
	if led := x.lead(q, fits); led != full {
		t.Fatalf("%s: the blocks lead to %+v, a look at every node to %+v", describe(pod), led, full)
	}
	s.led++
	if q.Pressed() {
		for _, row := range x.feasible {
			if fits.Pressed[row] > 0 {
				s.pressed++
				break
			}
		}
	}
}

// Replicas of a few shapes, which differ in what they tolerate, are led to the nodes that a look at every node finds, on
// more nodes than a block has, while nodes come, change and go and pods are bound and deleted.
func TestBlocks(t *testing.T) {
	for _, predicting := range []bool{false, true} {
		t.Run(fmt.Sprint("predicting ", predicting), func(t *testing.T) {
			ctx := klog.NewContext(t.Context(), klog.New(nil))
			s := newScene(ctx, t, 5, profiles["shipped"])
			for range 5 * blockRows {
				node := s.node(s.Name("node"))
				node.Spec.Taints = nil
				if s.Chance(20) {
					node.Spec.Taints = []v1.Taint{{Key: "team", Effect: v1.TaintEffectNoSchedule}}
				}
				s.nodes[node.Name] = node
				s.sched.Cache.AddNode(s.logger, node)
			}
			for i := range 2000 {
				if s.Chance(20) {
					s.change()
				}
				if predicting && s.Chance(2) {
					s.foresee()
				}
				pod := plainPod(s.Name("pod"))
				pod.Labels = map[string]string{}
				// It minds no taint but those of predicted pressure.
				for _, key := range []string{"team", "gpu"} {
					pod.Spec.Tolerations = append(pod.Spec.Tolerations, v1.Toleration{Key: key, Operator: v1.TolerationOpExists, Effect: v1.TaintEffectPreferNoSchedule})
				}
				pod.Spec.Containers[0].Resources.Requests = v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(int64(100+50*s.IntN(3)), resource.DecimalSI)}
				if s.Chance(30) {
					pod.Spec.Tolerations = append(pod.Spec.Tolerations, v1.Toleration{Key: "team", Operator: v1.TolerationOpExists})
				}
				if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
					t.Fatal(err)
				}
				state := framework.NewCycleState()
				s.profile.RunPreFilterPlugins(ctx, state, pod)
				if !s.profile.index.sync(s.snapshot, false) {
					t.Fatal("out of step")
				}
				answer := s.profile.index.answer(s.profile.terms, pod, state)
				if !answer.says {
					t.Fatal(answer.why)
				}
				hint := answer.hint()
				s.comparePass(t, pod)
				if hint == "" {
					t.Fatalf("no node for pod %d", i)
				}
				pod.Spec.NodeName = hint
				if err := s.sched.Cache.AssumePod(s.logger, pod); err != nil {
					t.Fatal(err)
				}
				s.pods = append(s.pods, pod)
			}
			if s.led < 1000 || predicting != (s.pressed > 0) {
				t.Errorf("the blocks led %d pods, %d of them between pressed nodes", s.led, s.pressed)
			}
		})
	}
}

// So it is for all kinds of plain pods, with images and disliked taints, and profiles.
func TestBlocksOfAnyPods(t *testing.T) {
	for name, config := range profiles {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), klog.New(nil)))
			defer cancel()
			s := newScene(ctx, t, 5, config)
			if notLed[name] {
				return
			}
			addNodes := func(n int) {
				for range n {
					node := s.node(s.Name("node"))
					node.Status.Allocatable[v1.ResourcePods] = resource.MustParse("20")
					s.nodes[node.Name] = node
					s.sched.Cache.AddNode(s.logger, node)
				}
			}
			addNodes(3*blockRows + 1)
			var templates []*v1.Pod
			for range 8 {
				p := s.pod()
				p.Spec.Affinity, p.Spec.NodeSelector, p.Spec.TopologySpreadConstraints = nil, nil, nil
				templates = append(templates, p)
			}
			for i := range 1000 {
				if s.Chance(20) {
					s.change()
				}
				if i%100 == 50 {
					addNodes(s.IntN(2 * blockRows))
				}
				if name != "stock" && name != "no node affinity" && i > 300 && s.Chance(3) {
					s.foresee()
				}
				pod := s.replica(templates[s.IntN(len(templates))])
				if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
					t.Fatal(err)
				}
				state := framework.NewCycleState()
				if _, status, _ := s.profile.Framework.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
					continue
				}
				s.profile.index.sync(s.snapshot, false)
				answer := s.profile.index.answer(s.profile.terms, pod, state)
				if !answer.says {
					t.Fatalf("%s: not served for %s", describe(pod), answer.why)
				}
				node := answer.hint()
				s.comparePass(t, pod)
				if node != "" {
					pod.Spec.NodeName = node
					if err := s.sched.Cache.AssumePod(s.logger, pod); err != nil {
						t.Fatal(err)
					}
					s.pods = append(s.pods, pod)
				}
			}
			if s.led < 200 {
				t.Errorf("the blocks led %d of 1000 pods", s.led)
			}
		})
	}
}

// Of equal nodes every one is as likely, whatever block it is in.
func TestTies(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	s.profile.index.random = rand.New(rand.NewPCG(1, 1))
	const equal, draws = blockRows + 20, 500
	for i := range 4 * blockRows {
		cpu := "16"
		if i%2 == 0 || i >= 2*equal {
			cpu = "8"
		}
		s.sched.Cache.AddNode(s.logger, plainNode(fmt.Sprint(cpu, "-", i), cpu))
	}
	if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
		t.Fatal(err)
	}
	state, pod := framework.NewCycleState(), plainPod("a")
	s.profile.RunPreFilterPlugins(ctx, state, pod)
	s.profile.index.sync(s.snapshot, false)
	drawn := map[string]int{}
	for range equal * draws {
		answer := s.profile.index.answer(s.profile.terms, pod, state)
		drawn[answer.hint()]++
	}
	if !s.profile.index.query.Plain() {
		t.Fatal("the blocks did not lead")
	}
	if len(drawn) != equal {
		t.Errorf("%d nodes were drawn, want %d", len(drawn), equal)
	}
	for node, n := range drawn {
		if n < draws*2/3 || n > draws*3/2 { // 4 standard deviations are 57
			t.Errorf("%s was drawn %d times of %d, want about %d", node, n, equal*draws, draws)
		}
	}
}
