// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/component-base/metrics/testutil"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/utils/ptr"
)

// apart returns a pod that wants no other pod with its label on its node.
func apart(name string) *v1.Pod {
	p := plainPod(name)
	p.Labels = map[string]string{"app": "a"}
	p.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{
		{TopologyKey: v1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: p.Labels}},
	}}}
	return p
}

// nominate tells the scheduler that the pod waits for the node.
func (s *scene) nominate(ctx context.Context, t *testing.T, pod *v1.Pod, node string) {
	t.Helper()
	if _, err := s.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pods := s.informers.Core().V1().Pods().Lister().Pods(pod.Namespace)
	if err := wait.PollUntilContextTimeout(ctx, time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
		_, err := pods.Get(pod.Name)
		return err == nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		t.Fatal(err)
	}
	s.profile.AddNominatedPod(s.logger, info, &fwk.NominatingInfo{NominatingMode: fwk.ModeOverride, NominatedNodeName: node})
}

// Pods that keep apart go to the best node that is left without a count of the cluster; where
// a pod that the index does not see is nominated to it, upstream counts and goes elsewhere.
func TestUncounted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	registry := s.measure()
	for _, cpu := range []string{"4", "64", "32", "16"} { // node-1 to node-4
		s.sched.Cache.AddNode(s.logger, plainNode(s.Name("node"), cpu))
	}
	first := apart("first")
	if got := s.schedule(ctx, t, first); got.SuggestedHost != "node-2" || got.EvaluatedNodes != 1 {
		t.Fatalf("got %+v, want node-2 after a look at one", got)
	}
	first.Spec.NodeName = "node-2"
	if err := s.sched.Cache.AssumePod(s.logger, first); err != nil {
		t.Fatal(err)
	}
	if got := s.schedule(ctx, t, apart("second")); got.SuggestedHost != "node-3" || got.EvaluatedNodes != 1 {
		t.Fatalf("got %+v, want node-3 after a look at one", got)
	}
	urgent := apart("urgent")
	urgent.Spec.Priority = ptr.To(int32(10))
	s.nominate(ctx, t, urgent, "node-3")
	if got := s.schedule(ctx, t, apart("second")); got.SuggestedHost != "node-4" {
		t.Fatalf("got %+v, want node-4", got)
	}
	want := `
# HELP foresight_node_index_refusals_total [ALPHA] Nodes of the node index that a filter refused, by plugin.
# TYPE foresight_node_index_refusals_total counter
foresight_node_index_refusals_total{plugin="InterPodAffinity",profile="foresight-scheduler"} 1
# HELP foresight_node_index_uncounted_total [ALPHA] Pods with topology spread constraints or inter-pod terms for which the node index has the counts, so that the filters' recount of the cluster was left out.
# TYPE foresight_node_index_uncounted_total counter
foresight_node_index_uncounted_total{profile="foresight-scheduler"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_node_index_refusals_total", "foresight_node_index_uncounted_total"); err != nil {
		t.Error(err)
	}
}

// Every so often upstream counts for a pod that has a hint, and would refuse it for a fault
// of the index.
func TestRecounted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	s.sched.Cache.AddNode(s.logger, plainNode("node", "64"))
	var counted []bool
	for range recountEvery {
		if got := s.schedule(ctx, t, apart("a")); got.SuggestedHost != "node" {
			t.Fatalf("got %+v", got)
		}
		counted = append(counted, !s.profile.uncounted.Load())
	}
	if i := slices.Index(counted, true); i != recountEvery-1 {
		t.Errorf("the first pod that was counted is the %dth, want the %dth", i+1, recountEvery)
	}
}
