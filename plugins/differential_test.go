// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/component-helpers/resource"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// Our plugins claim upstream's semantics wherever their additions are off. Here both
// decide about the same random pods on the same random clusters, and upstream is the
// oracle: same verdict and reasons on every node, same scores, same signature, and the
// same answer to the question which events can help a rejected pod.

// side is one plugin, alone in a framework.
type side struct {
	plugin string
	args   runtime.Object
}

// pair is one of our plugins and what it claims to equal.
type pair struct {
	ours side
	// upstream plugins, whose scores mean takes together.
	upstream []side
	mean     func(scores []int64) int64
}

func only(scores []int64) int64 { return scores[0] }

func pairs(g *generator) []pair {
	var added *v1.NodeAffinity
	if g.Chance(30) {
		added = g.nodeAffinity()
	}
	strategy, upstreamStrategy := g.strategy()
	var ignored, ignoredGroups []string
	if g.Chance(30) {
		ignored = []string{string(device)}
	}
	if g.Chance(30) {
		ignoredGroups = []string{"example.org"}
	}
	resources := []kubeschedulerconfig.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}
	fit := config.ResourceFitArgs{
		IgnoredResources: ignored, IgnoredResourceGroups: ignoredGroups, ScoringStrategy: strategy,
		LimitsGuard:   config.LimitsGuard{Mode: config.LimitsGuardNone},
		PredictedPeak: config.PredictedPeak{Mode: config.PredictedPeakScore, Score: config.ScoreByStrategy}, // of which nothing is predicted
	}
	fitUpstream := &kubeschedulerconfig.NodeResourcesFitArgs{
		IgnoredResources: ignored, IgnoredResourceGroups: ignoredGroups, ScoringStrategy: upstreamStrategy,
	}
	balanced := fit
	weight := int64(1 + g.IntN(3))
	balanced.BalancedAllocation = config.BalancedAllocation{Weight: int32(weight), Resources: strategyCPUAndMemory}
	return []pair{{
		ours:     side{affinity.Name, &config.AffinityArgs{AddedAffinity: added, ServiceAntiAffinity: config.ServiceAntiAffinity{Weight: 1}}},
		upstream: []side{{names.NodeAffinity, &kubeschedulerconfig.NodeAffinityArgs{AddedAffinity: added}}},
		mean:     only,
	}, {
		ours:     side{taints.Name, &config.TaintsArgs{PredictedPressure: config.PredictedPressure{Effect: v1.TaintEffectNoSchedule}}},
		upstream: []side{{names.TaintToleration, nil}},
		mean:     only,
	}, {
		ours:     side{resourcefit.Name, &fit},
		upstream: []side{{names.NodeResourcesFit, fitUpstream}},
		mean:     only,
	}, {
		ours: side{resourcefit.Name, &balanced},
		upstream: []side{
			{names.NodeResourcesFit, fitUpstream},
			{names.NodeResourcesBalancedAllocation, &kubeschedulerconfig.NodeResourcesBalancedAllocationArgs{Resources: resources}},
		},
		mean: func(s []int64) int64 { return (s[0] + weight*s[1]) / (1 + weight) },
	}}
}

// cluster is a snapshot that frameworks are made on.
type cluster struct {
	snapshot  *cache.Snapshot
	informers informers.SharedInformerFactory
	dra       fwk.SharedDRAManager
}

func newCluster(ctx context.Context, tb testing.TB, g *generator) *cluster {
	var nodes []*v1.Node
	var pods []*v1.Pod
	for range 1 + g.IntN(6) {
		node := g.node()
		nodes = append(nodes, node)
		for range g.IntN(5) {
			pods = append(pods, g.placed(node.Name))
		}
	}
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	resourceSlices, err := tracker.StartTracker(ctx, tracker.Options{SliceInformer: factory.Resource().V1().ResourceSlices(), KubeClient: client})
	if err != nil {
		tb.Fatal(err)
	}
	claims := assumecache.NewAssumeCache(klog.FromContext(ctx), factory.Resource().V1().ResourceClaims().Informer(), "ResourceClaim", "", nil)
	return &cluster{
		snapshot:  cache.NewSnapshot(pods, nodes),
		informers: factory,
		dra:       dynamicresources.NewDRAManager(ctx, claims, resourceSlices, factory),
	}
}

func (c *cluster) framework(ctx context.Context, tb testing.TB, registry frameworkruntime.Registry, s side) framework.Framework {
	profile := &kubeschedulerconfig.KubeSchedulerProfile{
		SchedulerName: "test",
		Plugins: &kubeschedulerconfig.Plugins{MultiPoint: kubeschedulerconfig.PluginSet{Enabled: []kubeschedulerconfig.Plugin{
			{Name: names.PrioritySort}, {Name: s.plugin, Weight: 1}, {Name: names.DefaultBinder},
		}}},
	}
	if s.args != nil {
		profile.PluginConfig = []kubeschedulerconfig.PluginConfig{{Name: s.plugin, Args: s.args}}
	}
	f, err := frameworkruntime.NewFramework(ctx, registry, profile,
		frameworkruntime.WithInformerFactory(c.informers),
		frameworkruntime.WithSnapshotSharedLister(c.snapshot),
		frameworkruntime.WithSharedDRAManager(c.dra))
	if err != nil {
		tb.Fatalf("making a framework with %s: %v", s.plugin, err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return f
}

// decision is all that a framework says about a pod.
type decision struct {
	PreFilter string
	Filter    map[string]string
	Scores    map[string]int64
	Signature string
}

// decide runs the scheduling cycle's plugins over all nodes of the cluster, and scores
// all of them, feasible or not.
func (c *cluster) decide(ctx context.Context, tb testing.TB, f framework.Framework, pod *v1.Pod) decision {
	d := decision{Filter: map[string]string{}, Scores: map[string]int64{}, Signature: string(f.SignPod(ctx, pod))}
	state := framework.NewCycleState()
	result, status, _ := f.RunPreFilterPlugins(ctx, state, pod)
	d.PreFilter = verdict(status)
	if result != nil {
		d.PreFilter += fmt.Sprint(sets.List(result.NodeNames))
	}
	nodes, err := c.snapshot.NodeInfos().List()
	if err != nil {
		tb.Fatal(err)
	}
	if !status.IsSuccess() {
		return d
	}
	for _, n := range nodes {
		d.Filter[n.Node().Name] = verdict(f.RunFilterPlugins(ctx, state, pod, n))
	}
	if status := f.RunPreScorePlugins(ctx, state, pod, nodes); !status.IsSuccess() {
		tb.Fatalf("PreScore: %v", status)
	}
	scores, status := f.RunScorePlugins(ctx, state, pod, nodes)
	if !status.IsSuccess() {
		tb.Fatalf("Score: %v", status)
	}
	for _, s := range scores {
		d.Scores[s.Name] = s.TotalScore
	}
	return d
}

// inAContainer is a pod whose one container requests what the pod requests as a whole. Upstream's scorer of strategies
// leaves the latter out, other than its filter, its balancing and ours.
func inAContainer(pod *v1.Pod) *v1.Pod {
	if pod.Spec.Resources == nil || len(pod.Spec.Resources.Requests) == 0 {
		return pod
	}
	requests := resource.PodRequests(pod, resource.PodResourcesOptions{NonMissingContainerRequests: v1.ResourceList{
		v1.ResourceCPU: apiresource.MustParse("100m"), v1.ResourceMemory: apiresource.MustParse("200Mi"),
	}})
	pod = pod.DeepCopy()
	pod.Spec.Resources, pod.Spec.InitContainers, pod.Spec.Overhead = nil, nil, nil
	pod.Spec.Containers = []v1.Container{{Name: "all", Resources: v1.ResourceRequirements{Requests: requests}}}
	return pod
}

func dump(spec v1.PodSpec) string {
	out, err := yaml.Marshal(spec)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func verdict(s *fwk.Status) string {
	if s.IsSuccess() {
		return "Success"
	}
	// Upstream lists extended resources in the order of a map.
	return fmt.Sprint(s.Code(), slices.Sorted(slices.Values(s.Reasons())))
}

// checkSameAsUpstream builds one random cluster and judges some random pods on it.
func checkSameAsUpstream(t *testing.T, seed uint64, comparison bool) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.TaintTolerationComparisonOperators, comparison)
	metrics.Register()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	registry := frameworkplugins.NewInTreeRegistry()
	if err := registry.Merge(plugins.Registry(plugins.Options{})); err != nil {
		t.Fatal(err)
	}
	g := newGenerator(seed, comparison)
	c := newCluster(ctx, t, g)
	for _, p := range pairs(g) {
		ours := c.framework(ctx, t, registry, p.ours)
		upstream := make([]framework.Framework, len(p.upstream))
		for i, s := range p.upstream {
			upstream[i] = c.framework(ctx, t, registry, s)
		}
		for range 4 {
			pod := g.pod()
			got := c.decide(ctx, t, ours, pod)
			// The first upstream plugin filters; all of them score.
			want := c.decide(ctx, t, upstream[0], pod)
			if p.ours.plugin == resourcefit.Name {
				want.Scores = c.decide(ctx, t, upstream[0], inAContainer(pod)).Scores
			}
			all := []decision{want}
			for _, f := range upstream[1:] {
				all = append(all, c.decide(ctx, t, f, pod))
			}
			for node := range want.Scores {
				scores := make([]int64, len(all))
				for i := range all {
					scores[i] = all[i].Scores[node]
				}
				want.Scores[node] = p.mean(scores)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, %s against %v, pod %s\n(-upstream +ours):\n%s", seed, p.ours.plugin, p.upstream, dump(pod.Spec), diff)
			}
			checkSameHints(ctx, t, g, upstream[0], ours, pod)
		}
	}
}

// checkSameHints fires random events at both sides: an event that upstream answers
// must be answered alike, and an event that only we listen to must not wake the pod,
// since no addition of ours is what rejected it.
func checkSameHints(ctx context.Context, t *testing.T, g *generator, upstream, ours framework.Framework, pod *v1.Pod) {
	events := func(f framework.Framework) []fwk.ClusterEventWithHint {
		var all []fwk.ClusterEventWithHint
		for _, p := range f.EnqueueExtensions() {
			e, err := p.EventsToRegister(ctx)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e...)
		}
		return all
	}
	logger := klog.FromContext(ctx)
	node, placed := g.node(), g.placed("node-1")
	changedNode, changedPod := g.node(), g.placed("node-1")
	changedNode.Name, changedPod.Name, changedPod.UID = node.Name, placed.Name, placed.UID
	changedTarget := g.pod()
	changedTarget.Name, changedTarget.UID = pod.Name, pod.UID
	incoming := []struct {
		event    fwk.ClusterEvent
		old, new any
	}{
		{fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.Add}, nil, node},
		{fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.UpdateNodeLabel}, node, changedNode},
		{fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.UpdateNodeTaint}, node, changedNode},
		{fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.UpdateNodeAllocatable}, node, changedNode},
		{fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Add}, nil, placed},
		{fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Delete}, placed, nil},
		{fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.UpdatePodScaleDown}, placed, changedPod},
		{fwk.ClusterEvent{Resource: fwk.TargetPod, ActionType: fwk.UpdatePodToleration}, pod, changedTarget},
		{fwk.ClusterEvent{Resource: fwk.TargetPod, ActionType: fwk.UpdatePodScaleDown}, pod, changedTarget},
	}
	for _, in := range incoming {
		hint := func(f framework.Framework) fwk.QueueingHint {
			for _, e := range events(f) {
				if !framework.MatchClusterEvents(e.Event, in.event) {
					continue
				}
				if e.QueueingHintFn == nil {
					return fwk.Queue
				}
				h, err := e.QueueingHintFn(logger, pod, in.old, in.new)
				if err != nil {
					t.Fatal(err)
				}
				if h == fwk.Queue {
					return h
				}
			}
			return fwk.QueueSkip
		}
		if want, got := hint(upstream), hint(ours); want != got {
			t.Fatalf("event %s: upstream says %v, ours %v", in.event.Label(), want, got)
		}
	}
}

func TestSameAsUpstream(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkSameAsUpstream(t, seed, seed%2 == 1) })
	}
}

// FuzzSameAsUpstream explores further: go test -fuzz FuzzSameAsUpstream ./plugins
func FuzzSameAsUpstream(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(1000+seed, seed%2 == 0)
	}
	f.Fuzz(checkSameAsUpstream)
}
