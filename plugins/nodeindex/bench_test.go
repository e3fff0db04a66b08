// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// One lookup over all nodes, on one core.
func BenchmarkBest(b *testing.B) {
	for _, nodes := range []int{5000, 15000} {
		for _, kind := range []string{"plain", "selector", "preferences"} {
			b.Run(fmt.Sprintf("%s/nodes=%d", kind, nodes), func(b *testing.B) {
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				s := newScene(ctx, b, 1, profiles["shipped"])
				for i := range nodes {
					n := plainNode(s.name("node"), fmt.Sprint(8+i%3*8))
					n.Labels["disk"] = []string{"ssd", "hdd"}[i%2]
					s.sched.Cache.AddNode(s.logger, n)
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
				s.profile.index.sync(s.snapshot)
				b.ReportAllocs()
				for b.Loop() {
					if node, reason := s.profile.index.best(s.profile.policy, pod, state); node == "" {
						b.Fatal(reason)
					}
				}
			})
		}
	}
}
