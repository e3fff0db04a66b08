// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// One lookup over all nodes, on one core: for a pod whose shape has been seen, and for one
// whose shape is new, so that every row is scored, as it would be without fits. How much
// faster the first is is ratio.
func BenchmarkBest(b *testing.B) {
	for _, nodes := range []int{5000, 15000} {
		for _, kind := range []string{"plain", "selector", "preferences", "quality of service"} {
			b.Run(fmt.Sprintf("%s/nodes=%d", kind, nodes), func(b *testing.B) {
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				config, ok := profiles[kind]
				if !ok {
					config = profiles["shipped"]
				}
				s := newScene(ctx, b, 1, config)
				for i := range nodes {
					n := plainNode(s.Name("node"), fmt.Sprint(8+i%3*8))
					n.Labels["disk"] = []string{"ssd", "hdd"}[i%2]
					s.nodes[n.Name] = n
					s.sched.Cache.AddNode(s.logger, n)
				}
				if ok {
					s.foresee()
				}
				pod := plainPod("a")
				switch kind {
				case "selector":
					pod.Spec.NodeSelector = map[string]string{"disk": "ssd"}
				case "preferences":
					pod.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.PreferredSchedulingTerm{
						{Weight: 5, Preference: v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{{Key: "disk", Operator: v1.NodeSelectorOpIn, Values: []string{"ssd"}}}}},
					}}}
				}
				if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
					b.Fatal(err)
				}
				state := framework.NewCycleState()
				s.profile.RunPreFilterPlugins(ctx, state, pod)
				s.profile.index.sync(s.snapshot, false)
				best := func() {
					if a := s.profile.index.answer(s.profile.terms, pod, state); a.hint() == "" {
						b.Fatal(a.why)
					}
				}
				b.ReportAllocs()
				var seen, plain []time.Duration
				for b.Loop() {
					s.profile.index.forgetFits()
					start := time.Now()
					best()
					between := time.Now()
					best()
					plain, seen = append(plain, between.Sub(start)), append(seen, time.Since(between))
				}
				// Medians, since other programs are what is slow at times.
				slices.Sort(seen)
				slices.Sort(plain)
				ofSeen, ofPlain := seen[len(seen)/2], plain[len(plain)/2]
				b.ReportMetric(float64(ofSeen.Nanoseconds()), "ns/seen")
				b.ReportMetric(float64(ofPlain.Nanoseconds()), "ns/new")
				b.ReportMetric(float64(ofPlain)/float64(ofSeen), "ratio")
			})
		}
	}
}
