// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"fmt"
	"math/rand"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

func podInfo(t testing.TB, pod *v1.Pod) *framework.PodInfo {
	t.Helper()
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func remove(t testing.TB, n fwk.NodeInfo, pod *v1.Pod) {
	t.Helper()
	if err := n.RemovePod(klog.FromContext(t.Context()), pod); err != nil {
		t.Fatal(err)
	}
}

func expectFit(t *testing.T, status *fwk.Status, want bool) {
	t.Helper()
	if status.IsSuccess() != want {
		t.Errorf("got %v, want the pod to fit: %v", status, want)
	}
}

// Sums are kept between cycles; a pod that came or went counts at once, on the node
// itself and on the copies that preemption makes of it.
func TestSumsFollowPods(t *testing.T) {
	resident := plugintest.Pod("a", "n", nil, amounts{"cpu": "3"})
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), []*v1.Node{big("n")}, resident)
	n, p := s.node(t, "n"), plugintest.Pod("p", "", nil, amounts{"cpu": "2"})

	expectFit(t, s.filter(p, n), false)
	without := n.Snapshot()
	remove(t, without, resident)
	expectFit(t, s.filter(p, without), true)
	expectFit(t, s.filter(p, n), false)
	without.AddPodInfo(podInfo(t, resident))
	expectFit(t, s.filter(p, without), false)

	remove(t, n, resident)
	expectFit(t, s.filter(p, n), true)
	n.AddPodInfo(podInfo(t, plugintest.Pod("b", "n", nil, amounts{"cpu": "2"})))
	expectFit(t, s.filter(p, n), true)
	n.AddPodInfo(podInfo(t, plugintest.Pod("c", "n", nil, amounts{"cpu": "1m"})))
	expectFit(t, s.filter(p, n), false)
}

// Whatever pods come and go, on the node and on copies, the sum that is kept is the
// one that a guard without any memory adds up.
func TestSumsAsWithoutMemory(t *testing.T) {
	bounds := percents(100, "cpu", "memory")
	s := guard(t, config.LimitsGuardFilter, bounds, []*v1.Node{big("n"), big("m")})
	dice := rand.New(rand.NewSource(1))
	residents := map[string][]*v1.Pod{}
	for i := range 500 {
		name := []string{"n", "m"}[dice.Intn(2)]
		n := s.node(t, name)
		if there := residents[name]; len(there) > 0 && dice.Intn(2) == 0 {
			remove(t, n, there[0])
			residents[name] = there[1:]
		} else {
			p := plugintest.Pod(fmt.Sprint(i), name, nil, amounts{"cpu": fmt.Sprint(dice.Intn(3)), "memory": fmt.Sprintf("%dMi", dice.Intn(3000))})
			n.AddPodInfo(podInfo(t, p))
			residents[name] = append(there, p)
		}
		if dice.Intn(3) == 0 {
			n = n.Snapshot()
			n.AddPodInfo(podInfo(t, plugintest.Pod("tried", name, nil, amounts{"cpu": "1"})))
		}
		inHand := plugintest.Pod("p", "", nil, amounts{"cpu": "1", "memory": "1Gi"})
		fresh := guard(t, config.LimitsGuardFilter, bounds, nil)
		if got, want := s.filter(inHand, n), fresh.filter(inHand, n); !got.Equal(want) {
			t.Fatalf("step %d: got %v, want %v", i, got, want)
		}
	}
}

// Filter runs on many nodes at once, and preemption on many copies of one node.
func TestConcurrentFilter(t *testing.T) {
	resident := plugintest.Pod("a", "n", nil, amounts{"cpu": "3"})
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), []*v1.Node{big("n")}, resident)
	n, p := s.node(t, "n"), plugintest.Pod("p", "", nil, amounts{"cpu": "2"})
	without := n.Snapshot()
	remove(t, without, resident)
	state := s.begin(p)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 200 {
				if i%2 == 0 {
					expectFit(t, s.Filter(state, n), false)
				} else {
					expectFit(t, s.Filter(state, without), true)
				}
			}
		})
	}
	group.Wait()
}

// An autoscaled cluster has new nodes all day; those that are gone must not pile up.
func TestNodesGoneAreForgotten(t *testing.T) {
	const atATime, days = 50, 100
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), nil)
	for day := range days {
		var nodes []*v1.Node
		for i := range atATime {
			nodes = append(nodes, big(fmt.Sprintf("day%d-node%d", day, i)))
		}
		today := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), nodes)
		today.Guard = s.Guard
		for range 3 {
			state := today.begin(plugintest.Pod("p", "", nil, amounts{"cpu": "1"}))
			for _, n := range today.nodes {
				expectFit(t, today.Filter(state, n), true)
			}
		}
	}
	kept := s.sums.Len()
	if most := 4*atATime + 100; kept > most || kept < atATime {
		t.Errorf("%d nodes' sums are kept after %d nodes of which %d are left; want %d to %d", kept, days*atATime, atATime, atATime, most)
	}
}

// While a group of pods is placed together, upstream puts its pods on the snapshot's
// nodes without a new generation; the next pods of the group must still count them.
func TestPodGroupCountsItself(t *testing.T) {
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), []*v1.Node{big("n")})
	first, second := plugintest.Pod("first", "", nil, amounts{"cpu": "3"}), plugintest.Pod("second", "", nil, amounts{"cpu": "3"})
	expectFit(t, s.filterInGroup(first, s.node(t, "n")), true)
	assumed := first.DeepCopy()
	assumed.Spec.NodeName = "n"
	if err := s.snapshot.AssumePod(podInfo(t, assumed)); err != nil {
		t.Fatal(err)
	}
	expectFit(t, s.filterInGroup(second, s.node(t, "n")), false)
}

// And where the group does not fit after all, its pods are taken back, again without
// a new generation; they must not go on refusing others.
func TestPodGroupLeavesNothingBehind(t *testing.T) {
	s := guard(t, config.LimitsGuardFilter, percents(100, "cpu"), []*v1.Node{big("n")})
	assumed, other := plugintest.Pod("first", "n", nil, amounts{"cpu": "3"}), plugintest.Pod("other", "", nil, amounts{"cpu": "3"})
	if err := s.snapshot.AssumePod(podInfo(t, assumed)); err != nil {
		t.Fatal(err)
	}
	expectFit(t, s.filterInGroup(other, s.node(t, "n")), false)
	if err := s.snapshot.ForgetPod(klog.FromContext(t.Context()), assumed); err != nil {
		t.Fatal(err)
	}
	expectFit(t, s.filter(other, s.node(t, "n")), true)
}
