// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/utils/ptr"
)

// tryOut does with a group of pods what upstream does in its cycle: each pod is put on its node in the snapshot, and reserved
// there, and all are taken off again in the end. It returns them with their nodes, and how many the index served.
func (s *scene) tryOut(ctx context.Context, t testing.TB, pods []*v1.Pod) (placed []*v1.Pod, served int) {
	t.Helper()
	group := framework.NewCycleState()
	var revert []func()
	for _, pod := range pods {
		hint, answered := s.compare(ctx, t, pod, group)
		if answered {
			served++
		}
		if hint == "" {
			continue
		}
		pod = pod.DeepCopy()
		pod.Spec.NodeName = hint
		info, err := framework.NewPodInfo(pod)
		if err != nil {
			t.Fatal(err)
		}
		state := framework.NewCycleState()
		state.SetPodGroupSchedulingCycle(group)
		if err := s.snapshot.AssumePod(info); err != nil {
			t.Fatal(err)
		}
		s.profile.RunReservePluginsReserve(ctx, state, pod, hint)
		revert = append(revert, func() {
			s.profile.RunReservePluginsUnreserve(ctx, state, pod, hint)
			if err := s.snapshot.ForgetPod(s.logger, pod); err != nil {
				t.Fatal(err)
			}
		})
		placed = append(placed, pod)
		// Of some pods, or of all, upstream thinks again.
		for len(revert) > 0 && s.Chance(10) {
			revert[len(revert)-1]()
			revert, placed = revert[:len(revert)-1], placed[:len(placed)-1]
		}
	}
	for i := len(revert) - 1; i >= 0; i-- {
		revert[i]()
	}
	return placed, served
}

// group tries out a group of pods like the template and others, and binds them at times. It returns how many there are, and how
// many the index served.
func (s *scene) group(ctx context.Context, t testing.TB, template *v1.Pod) (_, served int) {
	t.Helper()
	var pods []*v1.Pod
	for range 1 + s.IntN(8) {
		pods = append(pods, s.replica(template))
		if s.Chance(20) {
			pods = append(pods, s.pod())
		}
	}
	if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
		t.Fatal(err)
	}
	placed, served := s.tryOut(ctx, t, pods)
	if s.Chance(60) {
		for _, p := range placed {
			p = p.DeepCopy()
			if err := s.sched.Cache.AssumePod(s.logger, p); err != nil {
				t.Fatal(err)
			}
			s.pods = append(s.pods, p)
		}
	}
	return len(pods), served
}

// In the cycle of a pod group the index has the full search's verdicts and scores, with the pods that the cycle has tried out so far, and
// after it those without them.
func TestSameAsFullSearchInGroups(t *testing.T) {
	for name, config := range profiles {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2) {
				ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), klog.New(nil)))
				s := newScene(ctx, t, seed+300, config)
				for range 30 {
					node := s.node(s.Name("node"))
					s.nodes[node.Name] = node
					s.sched.Cache.AddNode(s.logger, node)
				}
				served, asked := 0, 0
				for range 25 {
					for range s.IntN(4) {
						s.change()
					}
					if s.Chance(30) && name != "stock" && name != "no node affinity" {
						s.foresee()
					}
					template := s.pod()
					pods, n := s.group(ctx, t, template)
					served, asked = served+n, asked+pods
					for range s.IntN(3) {
						s.place(ctx, t, s.replica(template))
					}
				}
				if served < asked/2 {
					t.Errorf("the index served %d of %d pods of groups", served, asked)
				}
				if left := len(s.profile.index.groups.tried); left > 20 {
					t.Errorf("%d nodes of groups are kept", left)
				}
				cancel()
			}
		})
	}
}

// While upstream tries a group out on copies of the nodes, from which it has taken pods, the index says nothing.
func TestGroupsThatPreempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	for i := range 3 {
		s.sched.Cache.AddNode(s.logger, plainNode(fmt.Sprint("node-", i), "4"))
	}
	if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
		t.Fatal(err)
	}
	group := framework.NewCycleState()
	ask := func() answer {
		state := framework.NewCycleState()
		state.SetPodGroupSchedulingCycle(group)
		pod := plainPod("a")
		if _, status, _ := s.profile.Framework.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
			t.Fatal(status.AsError())
		}
		return s.profile.ask(pod, state)
	}
	if a := ask(); a.hint() == "" {
		t.Errorf("no hint for a pod of a group: %+v", a)
	}
	s.profile.index.groups.preempting = true
	if a := ask(); a.says || a.why != reasonGroup {
		t.Errorf("the index answers %+v while a group preempts", a)
	}
	s.profile.index.groups.preempting = false
	nodes, err := s.snapshot.List()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.snapshot.AssumePlacement(&fwk.Placement{Nodes: nodes[:2]}); err != nil {
		t.Fatal(err)
	}
	if a := ask(); a.says || a.why != reasonGroup {
		t.Errorf("the index answers %+v for a placement", a)
	}
}

// Upstream's own cycle of a group takes the hints: each pod of the group goes to what is the best node with those before it.
func TestUpstreamTakesTheHintsForAGroup(t *testing.T) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.GenericWorkload, true)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	registry := s.measure()
	for i := range 300 {
		cpu := "4"
		if i%100 == 50 {
			cpu = "8" // the emptiest after one pod, and after that as full as the others
		}
		s.sched.Cache.AddNode(s.logger, plainNode(s.Name("node"), cpu))
	}
	group := s.gang(ctx, t, "gang", 3, "4")
	s.sched.ScheduleOne(ctx)

	nodes := map[string]bool{}
	for _, pod := range group.UnscheduledPods {
		assumed, err := s.sched.Cache.GetPod(pod)
		if err != nil {
			t.Fatalf("%s has no node: %v", pod.Name, err)
		}
		nodes[assumed.Spec.NodeName] = true
	}
	if want := map[string]bool{"node-51": true, "node-151": true, "node-251": true}; !maps.Equal(nodes, want) {
		t.Errorf("the group runs on %v, want %v", nodes, want)
	}
	want := `
# HELP foresight_node_index_searches_total [ALPHA] Searches of the node index by what became of them: the node was accepted or refused by the filters, or no node was feasible.
# TYPE foresight_node_index_searches_total counter
foresight_node_index_searches_total{profile="foresight-scheduler",result="accepted"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_node_index_searches_total", "foresight_node_index_bypasses_total"); err != nil {
		t.Error(err)
	}
}

// gang has upstream schedule a group of so many pods next, all of them or none.
func (s *scene) gang(ctx context.Context, t testing.TB, name string, pods int, cpu string) *framework.QueuedPodGroupInfo {
	t.Helper()
	gang := &schedulingv1beta1.PodGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "blue", Name: name}, Spec: schedulingv1beta1.PodGroupSpec{
		SchedulingPolicy: schedulingv1beta1.PodGroupSchedulingPolicy{Gang: &schedulingv1beta1.GangSchedulingPolicy{MinCount: int32(pods)}},
	}}
	s.sched.Cache.AddPodGroup(gang)
	group := &framework.QueuedPodGroupInfo{
		PodGroupInfo:   &framework.PodGroupInfo{Namespace: gang.Namespace, Name: gang.Name, Type: fwk.PodGroupKeyType, PodGroup: gang},
		QueuedPodInfos: map[fwk.EntityKey][]*framework.QueuedPodInfo{},
	}
	key := fwk.PodGroupKey(gang.Namespace, gang.Name)
	for i := range pods {
		pod := plainPod(fmt.Sprint(name, "-", i))
		pod.Spec.Containers[0].Resources.Requests[v1.ResourceCPU] = resource.MustParse(cpu)
		pod.Spec.SchedulingGroup = &v1.PodSchedulingGroup{PodGroupName: ptr.To(gang.Name)}
		if _, err := s.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		info, err := framework.NewPodInfo(pod)
		if err != nil {
			t.Fatal(err)
		}
		s.sched.Cache.AddPodGroupMember(pod)
		group.UnscheduledPods = append(group.UnscheduledPods, pod)
		group.QueuedPodInfos[key] = append(group.QueuedPodInfos[key], &framework.QueuedPodInfo{PodInfo: info})
	}
	s.sched.NextEntity = func(klog.Logger) (framework.QueuedEntityInfo, error) { return group, nil }
	return group
}

// A group of 50 pods on 5,000 nodes, in upstream's own cycle, with hints and without.
func BenchmarkGroup(b *testing.B) {
	for _, hints := range []bool{false, true} {
		b.Run(fmt.Sprint("hints=", hints), func(b *testing.B) {
			featuregatetesting.SetFeatureGateDuringTest(b, utilfeature.DefaultFeatureGate, features.GenericWorkload, true)
			ctx, cancel := context.WithCancel(klog.NewContext(b.Context(), klog.New(nil)))
			defer cancel()
			s := newScene(ctx, b, 1, profiles["shipped"])
			for i := range 5000 {
				s.sched.Cache.AddNode(s.logger, plainNode(s.Name("node"), fmt.Sprint(8+i%3*8)))
			}
			s.profile.index.groups.preempting = !hints
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				group := s.gang(ctx, b, fmt.Sprint("gang-", i), 50, "100m")
				b.StartTimer()
				s.sched.ScheduleOne(ctx)
				if _, err := s.sched.Cache.GetPod(group.UnscheduledPods[0]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(50*float64(b.N)/b.Elapsed().Seconds(), "pods/s")
		})
	}
}
