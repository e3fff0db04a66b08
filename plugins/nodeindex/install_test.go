// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"strings"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

func plainNode(name, cpu string) *v1.Node {
	return &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelHostname: name}}, Status: v1.NodeStatus{Allocatable: v1.ResourceList{
		v1.ResourceCPU: resource.MustParse(cpu), v1.ResourceMemory: resource.MustParse("64Gi"), v1.ResourcePods: resource.MustParse("110"),
	}}}
}

func plainPod(name string) *v1.Pod {
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "blue", UID: types.UID(name)}, Spec: v1.PodSpec{
		SchedulerName: profileName,
		Containers:    []v1.Container{{Name: "main", Resources: v1.ResourceRequirements{Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("1")}}}},
	}}
}

// schedule lets upstream schedule one pod on what the cache holds.
func (s *scene) schedule(ctx context.Context, t *testing.T, pod *v1.Pod) scheduler.ScheduleResult {
	t.Helper()
	if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
		t.Fatal(err)
	}
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		t.Fatal(err)
	}
	result, err := s.sched.SchedulePod(ctx, s.sched.Profiles[profileName], framework.NewCycleState(), &framework.QueuedPodInfo{PodInfo: info})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// measure has the index count anew, in a registry of its own.
func (s *scene) measure() metrics.KubeRegistry {
	m := NewMetrics()
	registry := metrics.NewKubeRegistry()
	m.Register(registry.MustRegister)
	s.profile.index.metrics = m
	return registry
}

// Upstream's own scheduling asks for the hint, judges the hinted node alone, and takes it.
func TestUpstreamTakesTheHint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	registry := s.measure()
	for i := range 300 {
		cpu := "4"
		if i == 217 {
			cpu = "64" // the emptiest after the pod
		}
		s.sched.Cache.AddNode(s.logger, plainNode(s.Name("node"), cpu))
	}
	got := s.schedule(ctx, t, plainPod("a"))
	if got.SuggestedHost != "node-218" || got.EvaluatedNodes != 1 {
		t.Errorf("got %s after a look at %d nodes, want node-218 after a look at one", got.SuggestedHost, got.EvaluatedNodes)
	}

	// A pod of upstream's way: it has a nominated node.
	nominated := plainPod("b")
	nominated.Status.NominatedNodeName = "node-3"
	if got := s.schedule(ctx, t, nominated); got.SuggestedHost != "node-3" {
		t.Errorf("the nominated pod went to %s", got.SuggestedHost)
	}
	want := `
# HELP foresight_node_index_bypasses_total [ALPHA] Pods that the node index does not serve, by reason.
# TYPE foresight_node_index_bypasses_total counter
foresight_node_index_bypasses_total{profile="foresight-scheduler",reason="nominated_node"} 1
# HELP foresight_node_index_nodes [ALPHA] Nodes in the node index.
# TYPE foresight_node_index_nodes gauge
foresight_node_index_nodes 300
# HELP foresight_node_index_searches_total [ALPHA] Searches of the node index by what became of them: the node was accepted or refused by the filters, or no node was feasible.
# TYPE foresight_node_index_searches_total counter
foresight_node_index_searches_total{profile="foresight-scheduler",result="accepted"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"foresight_node_index_bypasses_total", "foresight_node_index_nodes", "foresight_node_index_searches_total", "foresight_node_index_refusals_total"); err != nil {
		t.Error(err)
	}
}

func TestSwitch(t *testing.T) {
	profile := kubeschedulerconfig.KubeSchedulerProfile{SchedulerName: profileName,
		PluginConfig: []kubeschedulerconfig.PluginConfig{{Name: Name, Args: &config.NodeIndexArgs{Enabled: false}}}}
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	sched := &scheduler.Scheduler{}
	if err := Install(sched, []kubeschedulerconfig.KubeSchedulerProfile{profile}, factory, Options{}); err != nil || sched.Cache != nil {
		t.Errorf("off: error %v, cache %v, want nothing touched", err, sched.Cache)
	}
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.OpportunisticBatching, false)
	profile.PluginConfig = nil
	err := Install(sched, []kubeschedulerconfig.KubeSchedulerProfile{profile}, factory, Options{})
	if err == nil || !strings.Contains(err.Error(), "OpportunisticBatching") {
		t.Errorf("without the seam: got error %v", err)
	}
}

// Informers change the cache while the scheduler takes snapshots. The index never differs
// from one that starts anew with the same snapshot.
func TestConcurrentEvents(t *testing.T) {
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), klog.New(nil)))
	defer cancel()
	s := newScene(ctx, t, 3, profiles["shipped"])
	for range 20 {
		s.change()
	}
	var informer sync.WaitGroup
	informer.Go(func() {
		for range 5000 {
			s.change()
			if s.Chance(30) && len(s.pods) < 100 {
				p := s.pod()
				p.Spec.NodeName = s.anyNode().Name
				s.pods, s.confirmed[p.Name] = append(s.pods, p), true
				_ = s.sched.Cache.AddPod(s.logger, p)
			}
		}
	})
	finished := make(chan struct{})
	go func() { informer.Wait(); close(finished) }()
	lister := s.profile.SnapshotSharedLister().NodeInfos()
	pods := newGenerator(9)
	for last := false; !last; {
		select {
		case <-finished:
			last = true
		default:
		}
		if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
			t.Fatal(err)
		}
		if !s.profile.index.sync(lister, false) {
			t.Fatal("the snapshot failed")
		}
		s.profile.index.answer(s.profile.terms, pods.pod(), framework.NewCycleState())
		anew := table.New()
		if err := anew.Rebuild(lister); err != nil {
			t.Fatal(err)
		}
		sameTables(t, s.profile.index.table, anew)
	}
}

func sameTables(t *testing.T, got, want *table.Table) {
	t.Helper()
	if got.Used != want.Used {
		t.Fatalf("%d nodes, want %d", got.Used, want.Used)
	}
	for i, info := range want.Infos {
		row, ok := got.Row(want.Name(int32(i)))
		if !ok || got.Infos[row] != info {
			t.Fatalf("node %s: no row, or another NodeInfo", want.Name(int32(i)))
		}
		g, w := got.Rows[row], want.Rows[i]
		gc, wc := got.Taints[got.Classes[row]], want.Taints[want.Classes[i]]
		if len(gc.Taints) != len(wc.Taints) || gc.Unschedulable != wc.Unschedulable {
			t.Fatalf("node %s: taints %v, want %v", want.Name(int32(i)), gc, wc)
		}
		if g != w {
			t.Fatalf("node %s: %+v, want %+v", want.Name(int32(i)), g, w)
		}
	}
}
