// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"

	"github.com/foresight-scheduler/foresight/plugins"
)

// Truth tables, made by hand from what the documentation of 1.10–1.22 says of each
// predicate and priority: a policy, a small cluster, a pod, and what has to come out. The
// framework is made of the converted configuration, with nothing left out.

// row is one question to a policy.
type row struct {
	name string
	pod  *st.PodWrapper
	// fits names the nodes that pass all predicates.
	fits string
	// scores of the nodes that fit, "node=score", highest first, as the sum of weight ×
	// 0–100 over all priorities. Empty where the table is about predicates.
	scores string
}

type table struct {
	name     string
	policy   string
	nodes    []*st.NodeWrapper
	placed   []*st.PodWrapper
	services []*v1.Service
	rows     []row
}

// node with 4 CPUs, 8 GiB and room for 10 pods; labels as "key=value".
func node(name string, labels ...string) *st.NodeWrapper {
	n := st.MakeNode().Name(name).Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "pods": "10"})
	for _, l := range labels {
		key, value, _ := strings.Cut(l, "=")
		n.Label(key, value)
	}
	return n
}

func pod(name string) *st.PodWrapper {
	return st.MakePod().Name(name).UID(name).Namespace("default")
}

// using is a pod with requests; an empty quantity is none.
func using(name, cpu, memory string) *st.PodWrapper {
	requests := map[v1.ResourceName]string{}
	if cpu != "" {
		requests["cpu"] = cpu
	}
	if memory != "" {
		requests["memory"] = memory
	}
	return pod(name).Req(requests)
}

// prefers nodes with a value of a label.
func prefers(key, value string, weight int32) *v1.NodeAffinity {
	return &v1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.PreferredSchedulingTerm{{
		Weight: weight, Preference: v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{{Key: key, Operator: v1.NodeSelectorOpIn, Values: []string{value}}}},
	}}}
}

// drawnToWeb is a pod that prefers the zone of pods of app web.
func drawnToWeb(name string, weight int32) *st.PodWrapper {
	p := pod(name)
	p.Spec.Affinity = &v1.Affinity{PodAffinity: &v1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.WeightedPodAffinityTerm{{
		Weight: weight, PodAffinityTerm: v1.PodAffinityTerm{TopologyKey: "zone", LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
	}}}}
	return p
}

func service(app string) *v1.Service {
	return &v1.Service{ObjectMeta: metav1.ObjectMeta{Name: app, Namespace: "default"}, Spec: v1.ServiceSpec{Selector: map[string]string{"app": app}}}
}

func policyOf(predicates, priorities, more string) string {
	return fmt.Sprintf(`{"kind": "Policy", "apiVersion": "v1", "predicates": [%s], "priorities": [%s]%s}`, predicates, priorities, more)
}

// zones are two in zone a, one in zone b, and one without a zone.
func zones() []*st.NodeWrapper {
	return []*st.NodeWrapper{node("a1", "zone=a"), node("a2", "zone=a"), node("b1", "zone=b"), node("none")}
}

var tables = []table{
	{
		name:   "PodFitsResources",
		policy: policyOf(`{"name": "PodFitsResources"}`, "", ""),
		nodes:  []*st.NodeWrapper{node("idle"), node("busy"), node("full").Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "pods": "1"})},
		placed: []*st.PodWrapper{using("x", "3", "1Gi").Node("busy"), pod("y").Node("full")},
		rows: []row{
			{name: "nothing asked", pod: pod("p"), fits: "busy idle"},
			{name: "what is left", pod: using("p", "1", "7Gi"), fits: "busy idle"},
			{name: "more CPU", pod: using("p", "1001m", ""), fits: "idle"},
			{name: "more memory", pod: using("p", "", "7169Mi"), fits: "idle"},
			{name: "more than any has", pod: using("p", "5", ""), fits: ""},
			// The predicates that a policy did not name did not count.
			{name: "a selector is not asked for", pod: pod("p").NodeSelector(map[string]string{"disk": "ssd"}), fits: "busy idle"},
		},
	},
	{
		name:   "HostName and PodFitsHostPorts",
		policy: policyOf(`{"name": "HostName"}, {"name": "PodFitsHostPorts"}`, "", ""),
		nodes:  []*st.NodeWrapper{node("a"), node("b")},
		placed: []*st.PodWrapper{pod("x").Node("a").HostPort(8080)},
		rows: []row{
			{name: "the same port", pod: pod("p").HostPort(8080), fits: "b"},
			{name: "another port", pod: pod("p").HostPort(8081), fits: "a b"},
			{name: "another protocol", pod: pod("p").ContainerPort([]v1.ContainerPort{{HostPort: 8080, Protocol: v1.ProtocolUDP}}), fits: "a b"},
			{name: "no port", pod: pod("p"), fits: "a b"},
			{name: "a name", pod: pod("p").Node("b"), fits: "b"},
			{name: "resources are not asked for", pod: using("p", "100", ""), fits: "a b"},
		},
	},
	{
		name:   "MatchNodeSelector",
		policy: policyOf(`{"name": "MatchNodeSelector"}`, "", ""),
		nodes:  []*st.NodeWrapper{node("ssd", "disk=ssd", "cpus=8"), node("hdd", "disk=hdd", "cpus=32"), node("none")},
		rows: []row{
			{name: "selector", pod: pod("p").NodeSelector(map[string]string{"disk": "ssd"}), fits: "ssd"},
			{name: "in", pod: pod("p").NodeAffinityIn("disk", []string{"ssd", "hdd"}, st.NodeSelectorTypeMatchExpressions), fits: "hdd ssd"},
			{name: "not in", pod: pod("p").NodeAffinityNotIn("disk", []string{"ssd"}), fits: "hdd none"},
			{name: "both", pod: pod("p").NodeSelector(map[string]string{"disk": "ssd"}).NodeAffinityNotIn("cpus", []string{"8"}), fits: ""},
		},
	},
	{
		name:   "PodToleratesNodeTaints and CheckNodeUnschedulable, which no policy could leave out",
		policy: policyOf("", "", ""),
		nodes: []*st.NodeWrapper{
			node("plain"), node("cordoned").Unschedulable(true),
			node("gpu").Taints([]v1.Taint{{Key: "gpu", Value: "a100", Effect: v1.TaintEffectNoSchedule}}),
			node("evicting").Taints([]v1.Taint{{Key: "broken", Effect: v1.TaintEffectNoExecute}}),
			node("avoided").Taints([]v1.Taint{{Key: "slow", Effect: v1.TaintEffectPreferNoSchedule}}),
		},
		rows: []row{
			{name: "no toleration", pod: pod("p"), fits: "avoided plain"},
			{name: "by value", pod: pod("p").Toleration("broken").Tolerations([]v1.Toleration{{Key: "gpu", Operator: v1.TolerationOpEqual, Value: "a100"}}), fits: "avoided gpu plain"},
			{name: "another value", pod: pod("p").Tolerations([]v1.Toleration{{Key: "gpu", Operator: v1.TolerationOpEqual, Value: "v100"}}), fits: "avoided plain"},
			{name: "all", pod: pod("p").Tolerations([]v1.Toleration{{Operator: v1.TolerationOpExists}}), fits: "avoided cordoned evicting gpu plain"},
		},
	},
	{
		name:   "TaintTolerationPriority",
		policy: policyOf("", `{"name": "TaintTolerationPriority", "weight": 3}`, ""),
		nodes: []*st.NodeWrapper{
			node("plain"), node("one").Taints([]v1.Taint{{Key: "slow", Effect: v1.TaintEffectPreferNoSchedule}}),
			node("two").Taints([]v1.Taint{{Key: "slow", Effect: v1.TaintEffectPreferNoSchedule}, {Key: "old", Effect: v1.TaintEffectPreferNoSchedule}}),
		},
		rows: []row{
			{name: "fewer is better", pod: pod("p"), fits: "one plain two", scores: "plain=300 one=150 two=0"},
			{name: "what is tolerated does not count", pod: pod("p").Tolerations([]v1.Toleration{{Key: "slow", Operator: v1.TolerationOpExists}}), fits: "one plain two", scores: "one=300 plain=300 two=0"},
		},
	},
	{
		name:   "serviceAffinity",
		policy: policyOf(`{"name": "GeneralPredicates"}, {"name": "Zone", "argument": {"serviceAffinity": {"labels": ["zone"]}}}`, "", ""),
		nodes:  zones(),
		placed: []*st.PodWrapper{
			pod("web-0").Label("app", "web").Node("a1"), pod("db-0").Label("app", "db").Node("b1"),
			pod("other").Label("app", "lone").Node("a1"), pod("free-0").Label("app", "free").Node("none"),
		},
		services: []*v1.Service{service("web"), service("db"), service("new"), service("free")},
		rows: []row{
			{name: "where its Service runs", pod: pod("p").Label("app", "web"), fits: "a1 a2"},
			{name: "where another runs", pod: pod("p").Label("app", "db"), fits: "b1"},
			{name: "the first of its Service", pod: pod("p").Label("app", "new"), fits: "a1 a2 b1 none"},
			{name: "no Service", pod: pod("p").Label("app", "lone"), fits: "a1 a2 b1 none"},
			{name: "its Service runs where there is no label", pod: pod("p").Label("app", "free"), fits: "a1 a2 b1 none"},
			{name: "the pod's own selector decides", pod: pod("p").Label("app", "web").NodeSelector(map[string]string{"zone": "b"}), fits: "b1"},
		},
	},
	{
		name: "labelsPresence",
		policy: policyOf(`{"name": "MatchNodeSelector"}, {"name": "Region", "argument": {"labelsPresence": {"labels": ["region", "zone"], "presence": true}}},
			{"name": "Retiring", "argument": {"labelsPresence": {"labels": ["retiring"], "presence": false}}}`, "", ""),
		nodes: []*st.NodeWrapper{
			node("both", "region=r", "zone="), node("one", "region=r"), node("none"), node("leaving", "region=r", "zone=z", "retiring=2022"),
		},
		rows: []row{
			{name: "all present, none absent, whatever their values", pod: pod("p"), fits: "both"},
			{name: "besides the pod's own", pod: pod("p").NodeSelector(map[string]string{"region": "other"}), fits: ""},
		},
	},
	{
		name:   "LeastRequestedPriority",
		policy: policyOf(`{"name": "PodFitsResources"}`, `{"name": "LeastRequestedPriority", "weight": 2}`, ""),
		nodes:  []*st.NodeWrapper{node("idle"), node("half"), node("cpu")},
		placed: []*st.PodWrapper{using("x", "2", "4Gi").Node("half"), using("y", "3", "1Gi").Node("cpu")},
		rows: []row{
			// (free CPU + free memory) / 2 with the pod, twice.
			{name: "one CPU and 1 GiB", pod: using("p", "1", "1Gi"), fits: "cpu half idle", scores: "idle=162 cpu=74 half=62"},
		},
	},
	{
		name:   "MostRequestedPriority",
		policy: policyOf(`{"name": "PodFitsResources"}`, `{"name": "MostRequestedPriority", "weight": 1}`, ""),
		nodes:  []*st.NodeWrapper{node("idle"), node("half"), node("cpu")},
		placed: []*st.PodWrapper{using("x", "2", "4Gi").Node("half"), using("y", "3", "1Gi").Node("cpu")},
		rows: []row{
			{name: "one CPU and 1 GiB", pod: using("p", "1", "1Gi"), fits: "cpu half idle", scores: "half=68 cpu=62 idle=18"},
			{name: "what does not fit is out", pod: using("p", "2", "1Gi"), fits: "half idle", scores: "half=81 idle=31"},
		},
	},
	{
		name: "requestedToCapacityRatioArguments",
		policy: policyOf(`{"name": "PodFitsResources"}`, `{"name": "Pack", "weight": 4, "argument": {"requestedToCapacityRatioArguments": {
			"shape": [{"utilization": 0, "score": 0}, {"utilization": 50, "score": 2}, {"utilization": 100, "score": 10}],
			"resources": [{"name": "cpu", "weight": 3}, {"name": "memory", "weight": 1}]}}}`, ""),
		nodes:  []*st.NodeWrapper{node("idle"), node("half"), node("cpu")},
		placed: []*st.PodWrapper{using("x", "1", "3Gi").Node("half"), using("y", "3", "1Gi").Node("cpu")},
		rows: []row{
			// idle: both at 25 %, 10 each. half: CPU 50 % 20, memory 62 % 39: (60+39)/4. cpu:
			// 100 % 100 and 37 % 14: 314/4. Times four, after rounding.
			{name: "by the shape, CPU thrice", pod: using("p", "1", "2Gi"), fits: "cpu half idle", scores: "cpu=316 half=100 idle=40"},
		},
	},
	{
		name: "NodeResources: two strategies with weights of their own, and an extended resource",
		policy: policyOf(`{"name": "PodFitsResources"}`, `{"name": "LeastRequestedPriority", "weight": 1}, {"name": "PackGPUs", "weight": 10, "argument":
			{"requestedToCapacityRatioArguments": {"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}], "resources": [{"name": "example.com/gpu"}]}}}`, ""),
		nodes: []*st.NodeWrapper{
			node("four").Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "pods": "10", "example.com/gpu": "4"}),
			node("two").Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "pods": "10", "example.com/gpu": "2"}), node("none"),
		},
		placed: []*st.PodWrapper{using("x", "2", "4Gi").Node("two")},
		rows: []row{
			{name: "a GPU", pod: pod("p").Req(map[v1.ResourceName]string{"cpu": "1", "memory": "2Gi", "example.com/gpu": "1"}), fits: "four two", scores: "two=525 four=325"},
			{name: "no GPU", pod: using("p", "1", "2Gi"), fits: "four none two", scores: "four=75 none=75 two=25"},
		},
	},
	{
		name: "NodeResources: a second strategy of more resources than the first",
		policy: policyOf(`{"name": "PodFitsResources"}`, `{"name": "MostRequestedPriority", "weight": 1}, {"name": "Pack", "weight": 1, "argument":
			{"requestedToCapacityRatioArguments": {"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}],
			"resources": [{"name": "example.com/gpu", "weight": 2}, {"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]}}}`, ""),
		nodes: []*st.NodeWrapper{
			node("two").Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "pods": "10", "example.com/gpu": "2"}), node("none"),
		},
		rows: []row{
			{name: "a GPU", pod: pod("p").Req(map[v1.ResourceName]string{"cpu": "1", "memory": "4Gi", "example.com/gpu": "1"}), fits: "two", scores: "two=81"},
			{name: "no GPU", pod: using("p", "1", "4Gi"), fits: "none two", scores: "none=75 two=75"},
		},
	},
	{
		name:     "serviceAntiAffinity",
		policy:   policyOf("", `{"name": "Spread", "weight": 2, "argument": {"serviceAntiAffinity": {"label": "zone"}}}`, ""),
		nodes:    append(zones(), node("c1", "zone=c")),
		placed:   []*st.PodWrapper{pod("w0").Label("app", "web").Node("a1"), pod("w1").Label("app", "web").Node("a2"), pod("w2").Label("app", "web").Node("a2"), pod("w3").Label("app", "web").Node("b1"), pod("d").Label("app", "db").Node("c1")},
		services: []*v1.Service{service("web")},
		rows: []row{
			// Of four pods three are in zone a, one in b, none in c; no zone is the worst.
			{name: "the share that runs elsewhere", pod: pod("p").Label("app", "web"), fits: "a1 a2 b1 c1 none", scores: "c1=200 b1=150 a1=50 a2=50 none=0"},
		},
	},
	{
		name: "labelPreference",
		policy: policyOf("", `{"name": "SSD", "weight": 3, "argument": {"labelPreference": {"label": "ssd", "presence": true}}},
			{"name": "NotSpot", "weight": 3, "argument": {"labelPreference": {"label": "spot", "presence": false}}}`, ""),
		nodes: []*st.NodeWrapper{node("ssd", "ssd="), node("spot", "spot=yes"), node("both", "ssd=x", "spot=y"), node("plain")},
		rows: []row{
			{name: "each counts the same", pod: pod("p"), fits: "both plain spot ssd", scores: "ssd=600 both=300 plain=300 spot=0"},
		},
	},
	{
		name:   "NodeAffinityPriority and labelPreference, with weights of their own",
		policy: policyOf("", `{"name": "NodeAffinityPriority", "weight": 1}, {"name": "SSD", "weight": 10, "argument": {"labelPreference": {"label": "ssd", "presence": true}}}`, ""),
		nodes:  []*st.NodeWrapper{node("ssd", "ssd="), node("near", "zone=a"), node("plain")},
		rows: []row{
			{name: "no preference of its own", pod: pod("p"), fits: "near plain ssd", scores: "ssd=1000 near=0 plain=0"},
			// As the notice says, the pod's preference counts in labelPreference too.
			{name: "a preference of its own", pod: pod("p").NodeAffinity(prefers("zone", "a", 50)), fits: "near plain ssd", scores: "ssd=1000 near=600 plain=0"},
		},
	},
	{
		name: "hardPodAffinitySymmetricWeight",
		policy: policyOf(`{"name": "MatchInterPodAffinity"}`, `{"name": "InterPodAffinityPriority", "weight": 1}`,
			`, "hardPodAffinitySymmetricWeight": 10`),
		nodes: zones(),
		// x has to be with pods of app web, so they are drawn to it (10); y would like to be (20).
		placed: []*st.PodWrapper{
			pod("x").Node("a1").PodAffinity("zone", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, st.PodAffinityWithRequiredReq),
			drawnToWeb("y", 20).Node("b1"),
			pod("z").Node("none").Label("app", "z"),
		},
		rows: []row{
			{name: "drawn by required affinity, less than by preferred", pod: pod("p").Label("app", "web"), fits: "a1 a2 b1 none", scores: "b1=100 a1=50 a2=50 none=0"},
			{name: "not meant", pod: pod("p").Label("app", "db"), fits: "a1 a2 b1 none", scores: "a1=0 a2=0 b1=0 none=0"},
		},
	},
	{
		name:   "hardPodAffinitySymmetricWeight, 100",
		policy: policyOf(`{"name": "MatchInterPodAffinity"}`, `{"name": "InterPodAffinityPriority", "weight": 1}`, `, "hardPodAffinitySymmetricWeight": 100`),
		nodes:  zones(),
		placed: []*st.PodWrapper{
			pod("x").Node("a1").PodAffinity("zone", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, st.PodAffinityWithRequiredReq),
			drawnToWeb("y", 20).Node("b1"),
		},
		rows: []row{
			{name: "drawn by required affinity, more than by preferred", pod: pod("p").Label("app", "web"), fits: "a1 a2 b1 none", scores: "a1=100 a2=100 b1=20 none=0"},
		},
	},
	{
		name:   "MatchInterPodAffinity",
		policy: policyOf(`{"name": "MatchInterPodAffinity"}`, "", ""),
		nodes:  zones(),
		placed: []*st.PodWrapper{pod("web-0").Label("app", "web").Node("a1")},
		rows: []row{
			{name: "with", pod: pod("p").PodAffinity("zone", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, st.PodAffinityWithRequiredReq), fits: "a1 a2"},
			{name: "apart", pod: pod("p").PodAntiAffinity("zone", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, st.PodAntiAffinityWithRequiredReq), fits: "b1 none"},
		},
	},
	{
		name: "weights add up, and what scores nothing is left out",
		policy: policyOf(`{"name": "GeneralPredicates"}`, `{"name": "LeastRequestedPriority", "weight": 1}, {"name": "TaintTolerationPriority", "weight": 2},
			{"name": "NodeAffinityPriority", "weight": 3}, {"name": "EqualPriority", "weight": 100}`, ""),
		nodes: []*st.NodeWrapper{node("near", "zone=a"), node("slow", "zone=a").Taints([]v1.Taint{{Key: "slow", Effect: v1.TaintEffectPreferNoSchedule}}), node("far", "zone=b")},
		rows: []row{
			{name: "all three", pod: using("p", "2", "4Gi").NodeAffinity(prefers("zone", "a", 10)), fits: "far near slow", scores: "near=550 slow=350 far=250"},
		},
	},
}

func TestTruthTables(t *testing.T) {
	for i := range tables {
		tc := &tables[i]
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t, tc)
			for _, r := range tc.rows {
				fits, scores := c.decide(t, r.pod.Obj())
				if fits != r.fits {
					t.Errorf("%s: fits %q, want %q", r.name, fits, r.fits)
				} else if r.scores != "" && scores != r.scores {
					t.Errorf("%s: scores %q, want %q", r.name, scores, r.scores)
				}
			}
		})
	}
}

// cluster is a table's, with the framework of its policy.
type cluster struct {
	framework.Framework
	nodes []fwk.NodeInfo
}

func newCluster(t *testing.T, tc *table) *cluster {
	t.Helper()
	metrics.Register()
	registry := frameworkplugins.NewInTreeRegistry()
	if err := registry.Merge(plugins.Registry(plugins.Options{})); err != nil {
		t.Fatal(err)
	}
	result, err := Convert([]byte(tc.policy), "test-scheduler")
	if err != nil {
		t.Fatal(err)
	}
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode(result.Config, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := obj.(*config.KubeSchedulerConfiguration)

	var objects []runtime.Object
	for _, s := range tc.services {
		objects = append(objects, s)
	}
	var nodes []*v1.Node
	for _, n := range tc.nodes {
		nodes = append(nodes, n.Obj())
		objects = append(objects, n.Obj())
	}
	var pods []*v1.Pod
	for _, p := range tc.placed {
		pods = append(pods, p.Obj())
		objects = append(objects, p.Obj())
	}
	ctx, cancel := context.WithCancel(t.Context())
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	t.Cleanup(func() { cancel(); factory.Shutdown() })
	slicesTracker, err := tracker.StartTracker(ctx, tracker.Options{SliceInformer: factory.Resource().V1().ResourceSlices(), KubeClient: client})
	if err != nil {
		t.Fatal(err)
	}
	claims := assumecache.NewAssumeCache(klog.FromContext(ctx), factory.Resource().V1().ResourceClaims().Informer(), "ResourceClaim", "", nil)
	snapshot := cache.NewSnapshot(pods, nodes)
	f, err := frameworkruntime.NewFramework(ctx, registry, &cfg.Profiles[0],
		frameworkruntime.WithClientSet(client), frameworkruntime.WithInformerFactory(factory), frameworkruntime.WithSnapshotSharedLister(snapshot),
		frameworkruntime.WithSharedDRAManager(dynamicresources.NewDRAManager(ctx, claims, slicesTracker, factory)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	infos, err := snapshot.NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{f, infos}
}

// decide runs a scheduling cycle's plugins: names of the nodes that fit, and their scores.
func (c *cluster) decide(t *testing.T, pod *v1.Pod) (fits, scores string) {
	t.Helper()
	ctx, state := t.Context(), framework.NewCycleState()
	narrowed, status, _ := c.RunPreFilterPlugins(ctx, state, pod)
	if status.IsRejected() {
		return "", ""
	}
	if !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	var feasible []fwk.NodeInfo
	var names []string
	for _, n := range c.nodes {
		name := n.Node().Name
		if !narrowed.AllNodes() && !narrowed.NodeNames.Has(name) {
			continue
		}
		status := c.RunFilterPlugins(ctx, state, pod, n)
		if status.Code() == fwk.Error {
			t.Fatal(status.AsError())
		}
		if status.IsSuccess() {
			feasible, names = append(feasible, n), append(names, name)
		}
	}
	slices.Sort(names)
	if len(feasible) == 0 {
		return "", ""
	}
	if status := c.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	all, status := c.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	slices.SortFunc(all, func(a, b fwk.NodePluginScores) int {
		if a.TotalScore != b.TotalScore {
			return int(b.TotalScore - a.TotalScore)
		}
		return strings.Compare(a.Name, b.Name)
	})
	var list []string
	for _, s := range all {
		list = append(list, fmt.Sprintf("%s=%d", s.Name, s.TotalScore))
	}
	return strings.Join(names, " "), strings.Join(list, " ")
}
