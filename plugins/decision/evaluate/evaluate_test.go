// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/decision/watch"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/plugintest/draw"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

const profileName = "foresight-scheduler"

// cluster is a scheduler whose cache the test feeds, with an evaluator beside it.
type cluster struct {
	*draw.Dice
	t         *testing.T
	sched     *scheduler.Scheduler
	snapshot  *internalcache.Snapshot
	evaluator *evaluate.Evaluator
	ring      *decision.Ring
	scored    []fwk.NodePluginScores // by the scheduler, in the last cycle
	future    atomic.Pointer[forecast.Snapshot]
	nodes     []string
}

// scoring notes what upstream's search scored.
type scoring struct {
	framework.Framework
	to *cluster
}

func (s *scoring) RunScorePlugins(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) ([]fwk.NodePluginScores, *fwk.Status) {
	scores, status := s.Framework.RunScorePlugins(ctx, state, pod, nodes)
	s.to.scored = scores
	return scores, status
}

func newCluster(t *testing.T, config string, candidates int, indexed bool) *cluster {
	t.Helper()
	c := &cluster{Dice: draw.New(1, 2), t: t, snapshot: internalcache.NewEmptySnapshot(), ring: decision.NewRing(1000, 1<<20)}
	ctx := t.Context()
	plugins.RegisterArgs()
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode([]byte(config), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := obj.(*kubeschedulerconfig.KubeSchedulerConfiguration)
	registry := func(judges *judge.Plugins) frameworkruntime.Registry {
		views := cycle.NewViews(c.future.Load)
		r := plugins.Registry(plugins.Options{Judges: judges})
		gates := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
		for name, factory := range map[string]frameworkruntime.PluginFactoryWithFts[fwk.Plugin]{
			resourcefit.Name: resourcefit.NewFactory(resourcefit.Forecasts{Views: views}),
			taints.Name:      taints.NewFactory(taints.Forecasts(views), views),
		} {
			r[name] = func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
				plugin, err := factory(ctx, args, h, gates)
				judges.Add(h.ProfileName(), plugin)
				return plugin, err
			}
		}
		return r
	}
	judges := &judge.Plugins{}
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	all := int32(100)
	c.sched, err = scheduler.New(ctx, client, factory, nil, func(string) events.EventRecorderLogger { return &events.FakeRecorder{} },
		scheduler.WithProfiles(cfg.Profiles...), scheduler.WithFrameworkOutOfTreeRegistry(registry(judges)),
		scheduler.WithNodeInfoSnapshot(c.snapshot), scheduler.WithPercentageOfNodesToScore(&all))
	if err != nil {
		t.Fatal(err)
	}
	w := &watch.Watcher{Ring: c.ring}
	if indexed {
		tell := func(a nodeindex.Answer) {
			w.Index(watch.Answer{Said: true, Node: a.Node, Score: a.Score, Alike: a.Alike, Feasible: a.Feasible, Bypass: a.Bypass})
		}
		if err := nodeindex.Install(c.sched, cfg.Profiles, factory, nodeindex.Options{Judges: judges, Tell: tell}); err != nil {
			t.Fatal(err)
		}
	}
	c.evaluator, err = evaluate.New(ctx, c.sched, cfg.Profiles, evaluate.Options{Candidates: candidates, Registry: registry(nil), Read: c.future.Load})
	if err != nil {
		t.Fatal(err)
	}
	c.sched.Profiles[profileName] = &scoring{c.sched.Profiles[profileName], c}
	w.Install(c.sched)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return c
}

func (c *cluster) addNode(cpu, memory string) string {
	name := fmt.Sprintf("node-%d", len(c.nodes))
	c.nodes = append(c.nodes, name)
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelHostname: name, v1.LabelTopologyZone: string(rune('a' + len(c.nodes)%3))}}}
	n.Status.Allocatable = v1.ResourceList{v1.ResourceCPU: resource.MustParse(cpu), v1.ResourceMemory: resource.MustParse(memory), v1.ResourcePods: resource.MustParse("30")}
	if len(c.nodes)%5 == 0 {
		n.Spec.Taints = []v1.Taint{{Key: "team", Value: "blue", Effect: v1.TaintEffectPreferNoSchedule}}
	}
	if len(c.nodes)%7 == 0 {
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: "gpu", Effect: v1.TaintEffectNoSchedule})
	}
	c.sched.Cache.AddNode(klog.Background(), n)
	return name
}

// foresee predicts something of most nodes.
func (c *cluster) foresee(epoch uint64) {
	contents := forecast.Contents{Epoch: epoch, PodsEpoch: epoch, Usage: map[string]forecast.NodeUsage{}, Forecasts: map[string]forecast.NodeForecast{}}
	for _, name := range c.nodes {
		f := forecast.NodeForecast{Rung: forecast.Fresh}
		if c.Chance(20) {
			f.Rung = forecast.Blind
		}
		for h := range f.Residual {
			f.Residual[h] = [forecast.NumResources]forecast.Interval{{Lower: .1, Upper: 4 * c.Float64()}, {Lower: 1 << 28, Upper: float64(c.IntN(4 << 30))}}
		}
		f.Beyond = [forecast.NumResources]forecast.Use{{Mean: 3 * c.Float64(), Variance: c.Float64()}, {Mean: float64(c.IntN(4 << 30))}}
		contents.Forecasts[name] = f
		contents.Usage[name] = forecast.NodeUsage{Newest: time.Now()}
	}
	c.future.Store(forecast.NewSnapshot(contents))
}

func (c *cluster) pod(name, cpu, memory string) *v1.Pod {
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "blue", UID: types.UID(name), Labels: map[string]string{"app": string(rune('a' + c.IntN(3)))}}}
	p.Spec.SchedulerName = profileName
	p.Spec.Containers = []v1.Container{{Name: "c", Image: "registry.example/a:1", Resources: v1.ResourceRequirements{Requests: v1.ResourceList{
		v1.ResourceCPU: resource.MustParse(cpu), v1.ResourceMemory: resource.MustParse(memory)}}}}
	return p
}

func (c *cluster) randomPod(name string) *v1.Pod {
	p := c.pod(name, fmt.Sprintf("%dm", 100*(1+c.IntN(12))), fmt.Sprintf("%dMi", 128*(1+c.IntN(12))))
	same := &metav1.LabelSelector{MatchLabels: map[string]string{"app": p.Labels["app"]}}
	if c.Chance(20) {
		p.Spec.NodeSelector = map[string]string{v1.LabelTopologyZone: string(rune('a' + c.IntN(4)))} // there is no zone d
	}
	if c.Chance(30) {
		p.Spec.TopologySpreadConstraints = []v1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: v1.LabelTopologyZone, LabelSelector: same,
			WhenUnsatisfiable: []v1.UnsatisfiableConstraintAction{v1.DoNotSchedule, v1.ScheduleAnyway}[c.IntN(2)]}}
	}
	if c.Chance(20) {
		p.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{
			{LabelSelector: same, TopologyKey: v1.LabelHostname}}}}
	}
	if c.Chance(20) {
		p.Spec.Tolerations = []v1.Toleration{{Key: "gpu", Operator: v1.TolerationOpExists}}
	}
	return p
}

// schedule has the scheduler decide, and assumes the pod on its node as upstream does.
func (c *cluster) schedule(pod *v1.Pod) *decision.Record {
	c.t.Helper()
	if err := c.sched.Cache.UpdateSnapshot(klog.Background(), c.snapshot); err != nil {
		c.t.Fatal(err)
	}
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		c.t.Fatal(err)
	}
	c.scored = nil
	result, err := c.sched.SchedulePod(c.t.Context(), c.sched.Profiles[profileName], framework.NewCycleState(), &framework.QueuedPodInfo{PodInfo: info})
	if err == nil {
		assumed := pod.DeepCopy()
		assumed.Spec.NodeName = result.SuggestedHost
		if err := c.sched.Cache.AssumePod(klog.Background(), assumed); err != nil {
			c.t.Fatal(err)
		}
	}
	k := c.ring.Of(pod.Namespace, pod.Name, string(pod.UID))
	if k == nil {
		c.t.Fatalf("%s left no record", pod.Name)
	}
	record := k.Record()
	if record.Node != result.SuggestedHost {
		c.t.Fatalf("recorded %q, decided %q", record.Node, result.SuggestedHost)
	}
	return &record
}

func (c *cluster) evaluate(pod *v1.Pod, chosen string) *decision.Evaluation {
	c.t.Helper()
	e, err := c.evaluator.Evaluate(c.t.Context(), evaluate.Question{Pod: pod, Profile: profileName, Chosen: chosen})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func fill(c *cluster) {
	for i := range 40 {
		c.addNode([]string{"4", "8", "16"}[i%3], []string{"8Gi", "16Gi", "64Gi"}[i%3])
	}
	c.foresee(1)
}

// The evaluation, with the pod taken off its node again, equals what upstream's full search scored on that snapshot: every node,
// every plugin's part. The oracle is a profile without index that looks at all nodes.
func TestPartsAreUpstreams(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 1000, false)
	fill(c)
	scored, waiting, single := 0, 0, 0
	for i := range 300 {
		if i%50 == 49 {
			c.foresee(uint64(i))
		}
		pod := c.randomPod(fmt.Sprint("pod-", i))
		record := c.schedule(pod)
		want := c.scored
		got := c.evaluate(pod, record.Node)
		if record.Feasible != got.Feasible || record.Nodes != got.Nodes || record.Epoch != c.future.Load().Epoch() {
			t.Fatalf("%s: recorded %d of %d nodes feasible, evaluated %d of %d", pod.Name, record.Feasible, record.Nodes, got.Feasible, got.Nodes)
		}
		switch {
		case record.Node == "":
			waiting++
			if record.Waits == "" || got.Because == "" || len(got.Refused) == 0 {
				t.Fatalf("%s waits, and nothing says why: %q, %q", pod.Name, record.Waits, got.Because)
			}
			continue
		case len(want) == 0:
			single++
			if got.Feasible != 1 || got.Candidates[0].Node != record.Node {
				t.Fatalf("%s: the only node is %s, evaluated %+v", pod.Name, record.Node, got.Candidates[0])
			}
			continue
		}
		scored++
		by := map[string]decision.Candidate{}
		for _, candidate := range got.Candidates {
			by[candidate.Node] = candidate
		}
		best := int64(0)
		for _, w := range want {
			g := by[w.Name]
			if g.Total != w.TotalScore || len(g.Parts) != len(w.Scores) {
				t.Fatalf("%s on %s: evaluated %+v, upstream scored %+v", pod.Name, w.Name, g, w)
			}
			best = max(best, w.TotalScore)
			for j, part := range w.Scores {
				if g.Parts[j].Plugin != part.Name || g.Parts[j].Score != part.Score {
					t.Fatalf("%s on %s: evaluated %+v, upstream scored %+v", pod.Name, w.Name, g, w)
				}
			}
		}
		if winner := by[record.Node]; !winner.Chosen || winner.Total != best || got.Candidates[0].Total != best {
			t.Fatalf("%s went to %s, evaluated %+v of at most %d", pod.Name, record.Node, winner, best)
		}
	}
	if scored < 200 || waiting < 5 {
		t.Errorf("%d pods scored, %d waiting, %d with one node: the test shows too little", scored, waiting, single)
	}
}

// What the index decided by is what the evaluation says: the total, and how many nodes have it.
func TestIndexIsExplained(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, true)
	fill(c)
	byIndex := 0
	for i := range 200 {
		pod := c.randomPod(fmt.Sprint("pod-", i))
		record := c.schedule(pod)
		if record.Path != decision.ByIndex {
			continue
		}
		got := c.evaluate(pod, record.Node)
		if record.Feasible != got.Feasible {
			t.Fatalf("%s: the index found %d nodes feasible, evaluated %d", pod.Name, record.Feasible, got.Feasible)
		}
		if record.Feasible < 2 {
			continue
		}
		byIndex++
		if got.Candidates[0].Total != record.Total || got.Alike != record.Alike {
			t.Fatalf("%s: the index chose a node of %d (%d alike), evaluated %d (%d)", pod.Name, record.Total, record.Alike, got.Candidates[0].Total, got.Alike)
		}
		if len(got.Candidates) > 8 {
			t.Fatalf("%d candidates are named, with 3 asked for", len(got.Candidates))
		}
	}
	if byIndex < 100 {
		t.Errorf("the index decided %d pods only", byIndex)
	}
}

// A new user's questions: why there, what would change it, and why a pod waits, with figures.
func TestSentences(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, true)
	idle, busy := c.addNode("8", "32Gi"), c.addNode("8", "32Gi")
	predicted := func(cores float64) forecast.NodeForecast {
		f := forecast.NodeForecast{Rung: forecast.Fresh}
		for h := range f.Residual {
			f.Residual[h][forecast.CPU] = forecast.Interval{Lower: cores / 2, Upper: cores}
		}
		f.Beyond[forecast.CPU] = forecast.Use{Mean: cores, Variance: .1}
		return f
	}
	c.future.Store(forecast.NewSnapshot(forecast.Contents{Epoch: 7, Forecasts: map[string]forecast.NodeForecast{idle: predicted(.2), busy: predicted(7.6)}}))
	pod := c.pod("web", "500m", "512Mi")
	record := c.schedule(pod)
	e := c.evaluate(pod, record.Node)
	if record.Node != idle || e.Epoch != 7 || e.Candidates[0].Node != idle {
		t.Fatalf("chosen %s by epoch %d: %+v", record.Node, e.Epoch, e.Candidates)
	}
	for _, tc := range []struct{ name, got, want string }{
		{"because", e.Because, "node-0 is "}, {"because", e.Because, "Taints gives it 300 more"}, {"because", e.Because, "0.7 of 8 cores against 8.1 of 8 cores"},
		{"flip", e.Flip, "node-1, if with the pod it were expected to use at most "}, {"flip", e.Flip, "of 8 cores (8.1 is expected)"},
	} {
		if !strings.Contains(tc.got, tc.want) {
			t.Errorf("%s: %q does not say %q", tc.name, tc.got, tc.want)
		}
	}
	if e.Stock == nil || e.Stock.Node == "" {
		t.Errorf("nothing is said of stock: %+v", e.Stock)
	}
	large := c.pod("large", "7800m", "1Gi")
	if record := c.schedule(large); record.Node == "" {
		t.Fatal("the first large pod found no node")
	}
	second := c.pod("second", "7800m", "1Gi")
	record = c.schedule(second)
	e = c.evaluate(second, "")
	if record.Node != "" || record.Waits != "refused by ResourceFit" {
		t.Errorf("node %q, waits: %q", record.Node, record.Waits)
	}
	if !strings.Contains(e.Because, "2 of 2 nodes: Insufficient cpu") || !strings.Contains(e.Because, "+ 7.8 of 8 cores") {
		t.Errorf("a pod that waits is told %q", e.Because)
	}
	if e := c.evaluateWithout(c.pod("other", "100m", "1Gi"), idle); e.Nodes != 1 || e.Candidates[0].Node != busy {
		t.Errorf("without %s: %+v", idle, e)
	}
	if _, err := c.evaluator.Evaluate(t.Context(), evaluate.Question{Pod: pod, Profile: "other"}); err == nil {
		t.Error("a profile that there is not was evaluated")
	}
}

func (c *cluster) evaluateWithout(pod *v1.Pod, node string) *decision.Evaluation {
	e, err := c.evaluator.Evaluate(c.t.Context(), evaluate.Question{Pod: pod, Profile: profileName, Without: node})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}
