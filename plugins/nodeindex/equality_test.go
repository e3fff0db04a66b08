// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	pkgruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
	"github.com/foresight-scheduler/foresight/plugins/plugintest/draw"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
	"github.com/foresight-scheduler/foresight/plugins/trimaran"
)

const profileName = "foresight-scheduler"

// Profiles that the index knows all about.
var profiles = map[string]string{
	"shipped":     string(manifests.SchedulerConfig),
	"by strategy": strings.TrimRight(string(manifests.SchedulerConfig), "\n") + "\n  - name: ResourceFit\n    args: {predictedPeak: {score: Strategy}}\n",
	"held out":    strings.TrimRight(string(manifests.SchedulerConfig), "\n") + "\n  - name: ResourceFit\n    args: {predictedPeak: {heldOutPercent: 50}}\n",
	"stock":       "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: " + profileName + "\n",
	"most allocated, constraints for all": strings.TrimRight(string(manifests.SchedulerConfig), "\n") + `
  - name: ResourceFit
    args:
      scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 3}, {name: memory, weight: 1}]}
      balancedAllocation: {weight: 3}
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints:
      - {maxSkew: 2, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}
      - {maxSkew: 1, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway}
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 7, ignorePreferredTermsOfExistingPods: true}
`,
	"affinity for all": strings.TrimRight(string(manifests.SchedulerConfig), "\n") + addedAffinity,
	// What only filters filters all the same.
	"filters only": strings.Replace(strings.TrimRight(string(manifests.SchedulerConfig), "\n"), "  pluginConfig:\n", `    score:
      disabled: [{name: "*"}]
      enabled: [{name: ImageLocality, weight: 2}]
  pluginConfig:
`, 1) + addedAffinity + `
  - name: ResourceFit
    args:
      ignoredResources: [example.com/device]
      predictedPeak: {mode: None}
`,
	"quality of service": with(`
      - name: PredictedQoS
        weight: 3`, `
  - name: PredictedQoS
    args:
      modelFile: ../../manifests/models/lab.json
      maxRiskPercent: 30
`),
	"quality of service, once a model judges": strings.Replace(string(manifests.SchedulerConfig), "scoreFrom: Model\n", "scoreFrom: Model\n      modelFile: ../../manifests/models/lab.json\n      maxRiskPercent: 30\n", 1),
	"everything": with(`
      - name: PredictedQoS
        weight: 3
      - name: TargetLoadPacking
        weight: 2
      - name: LoadVariationRiskBalancing
      - name: LowRiskOverCommitment
      - name: Peaks
        weight: 3`, addedAffinity+`
  - name: ResourceFit
    args:
      predictedPeak: {mode: Filter, max: [{resource: cpu, percentOfAllocatable: 90}, {resource: memory, percentOfAllocatable: 120}]}
      limitsGuard: {mode: Filter, max: [{resource: cpu, percentOfAllocatable: 150}, {resource: memory, percentOfAllocatable: 120}]}
  - name: Taints
    args:
      predictedPressure: {effect: NoSchedule}
  - name: Peaks
    args:
      NodePowerModel:
        node-1: {k0: 1, k1: 2, k2: .03}
        node-7: {k0: 1, k1: 3, k2: .02}
        node-19: {k0: 3, k1: 1, k2: .05}
`),
	"services for all": with("", `
  - name: Affinity
    args:
      serviceAffinity: {labels: [disk]}
      serviceAntiAffinity: {labels: [rack, topology.kubernetes.io/zone], weight: 3}
`),
	"predictions filter": with("", `
  - name: ResourceFit
    args:
      predictedPeak: {mode: Filter, max: [{resource: cpu, percentOfAllocatable: 90}, {resource: memory, percentOfAllocatable: 120}]}
  - name: Taints
    args:
      predictedPressure: {effect: NoSchedule}
`),
	"guard scores, by a shape": with("", `
  - name: ResourceFit
    args:
      limitsGuard: {mode: Score, max: [{resource: cpu, percentOfAllocatable: 80}]}
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources: [{name: cpu, weight: 2}, {name: example.com/device, weight: 3}]
        requestedToCapacityRatio: {shape: [{utilization: 0, score: 2}, {utilization: 70, score: 10}, {utilization: 100, score: 1}]}
`),
	"no node affinity": `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: ` + profileName + `
  plugins:
    multiPoint:
      disabled: [{name: NodeAffinity}]
`,
}

// with is the shipped profile with more plugins and args, and with PredictedQoS only where they have it.
func with(plugins, args string) string {
	config := strings.TrimRight(withoutQoS(), "\n")
	return strings.Replace(config, "      # Each of ours", strings.TrimPrefix(plugins, "\n")+"\n      # Each of ours", 1) + args
}

// withoutQoS is the shipped profile without PredictedQoS.
func withoutQoS() string {
	return strings.NewReplacer("      - name: PredictedQoS\n        weight: 1\n", "", "  - name: PredictedQoS\n    args:\n      scoreFrom: Model\n", "").Replace(string(manifests.SchedulerConfig))
}

const addedAffinity = `
  - name: Affinity
    args:
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms: [{matchExpressions: [{key: rack, operator: NotIn, values: ["1"]}]}]
        preferredDuringSchedulingIgnoredDuringExecution:
        - {weight: 30, preference: {matchExpressions: [{key: disk, operator: In, values: [ssd]}]}}
`

// scene is a scheduler whose cache the test feeds.
type scene struct {
	*generator
	sched     *scheduler.Scheduler
	client    *fake.Clientset
	informers informers.SharedInformerFactory
	profile   *hinted
	snapshot  *internalcache.Snapshot
	logger    klog.Logger
	nodes     map[string]*v1.Node
	pods      []*v1.Pod // that have a node
	confirmed map[string]bool
	// future is nil where nothing is predicted.
	future atomic.Pointer[forecast.Snapshot]
	epoch  uint64
	// measured are the pods that were, as of the last epoch of pods.
	measured map[types.UID]forecast.Measured
	// uncounted pods went without upstream's counts.
	uncounted int
	small     bool // the index keeps next to nothing
	// led pods were placed by blocks, pressed ones where pressure told nodes apart.
	led, pressed uint64
}

// foresee makes a new snapshot, in which some nodes are known and pods use a share of what
// they request.
func (s *scene) foresee() {
	s.epoch++
	c := forecast.Contents{Usage: map[string]forecast.NodeUsage{}, Epoch: s.epoch, PodsEpoch: s.epoch / 2, Forecasts: map[string]forecast.NodeForecast{}, Cluster: &forecast.PodForecast{}}
	for h := range c.Combiners {
		for r := range c.Combiners[h] {
			c.Combiners[h][r].Together = s.Float64()
			mean := float64(s.epoch/2%7) / 5
			c.Cluster.Peaks[h][r] = forecast.Peak{Mean: mean, Lower: mean / 2, Upper: mean * 1.5}
			c.Cluster.Use[r] = forecast.Use{Mean: mean, Variance: mean * mean / 4}
		}
	}
	if s.epoch%2 == 0 { // with the epoch of pods
		s.measured = map[types.UID]forecast.Measured{}
	}
	c.Measured = s.measured
	for _, p := range s.pods {
		if s.epoch%2 == 0 && s.Chance(50) {
			s.measured[p.UID] = forecast.Measured{For: time.Duration(s.IntN(48)) * time.Hour, Use: [forecast.NumResources]forecast.Use{
				forecast.CPU: {Mean: 2 * s.Float64(), Variance: s.Float64()}, forecast.Memory: {Mean: float64(s.IntN(4) << 30), Variance: 1e17 * s.Float64()},
			}}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.nodes)) {
		f := forecast.NodeForecast{Rung: forecast.NodeRung(s.IntN(forecast.NumNodeRungs))}
		if f.Rung != forecast.Blind && s.IntN(4) == 0 {
			f.Lacks[s.IntN(forecast.NumResources)] = true
		}
		for h := range f.Residual {
			f.Residual[h] = [forecast.NumResources]forecast.Interval{
				forecast.CPU:    {Lower: s.Float64() - 1, Upper: 8 * (s.Float64() - .2)},
				forecast.Memory: {Lower: 0, Upper: float64(s.IntN(16) << 30)},
			}
		}
		f.Beyond = [forecast.NumResources]forecast.Use{
			forecast.CPU: {Mean: max(0, 8*(s.Float64()-.2)), Variance: 9 * s.Float64()}, forecast.Memory: {Mean: float64(s.IntN(16) << 30), Variance: 1e18 * s.Float64()},
		}
		c.Forecasts[name] = f
		if s.Chance(80) {
			cpu, mem := 8*s.Float64(), float64(s.IntN(16<<30))
			c.Usage[name] = forecast.NodeUsage{
				CPU: forecast.Stats{Mean: cpu, StdDev: cpu / 3, Latest: cpu}, Memory: forecast.Stats{Mean: mem, StdDev: mem / 5, Latest: mem},
				Newest: time.Now().Add(-time.Duration(s.IntN(400)) * time.Second), Window: 5 * time.Minute,
			}
		}
	}
	s.future.Store(forecast.NewSnapshot(c))
}

func newScene(ctx context.Context, t testing.TB, seed uint64, config string) *scene {
	t.Helper()
	s := &scene{
		generator: newGenerator(seed), logger: klog.Background(), nodes: map[string]*v1.Node{}, confirmed: map[string]bool{},
	}
	judges := &judge.Plugins{}
	views := cycle.NewViews(s.future.Load)
	registry := plugins.Registry(plugins.Options{Judges: judges, QoS: qos.NewService(views, nil)})
	gates := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
	for name, factory := range map[string]frameworkruntime.PluginFactoryWithFts[fwk.Plugin]{
		resourcefit.Name: resourcefit.NewFactory(resourcefit.Forecasts{Views: views}),
		taints.Name:      taints.NewFactory(taints.Forecasts(views), views),
	} {
		registry[name] = func(ctx context.Context, args pkgruntime.Object, h fwk.Handle) (fwk.Plugin, error) {
			plugin, err := factory(ctx, args, h, gates)
			judges.Add(h.ProfileName(), plugin)
			return plugin, err
		}
	}
	for name, factory := range trimaran.Factories(trimaran.Options{Usage: func(state fwk.CycleState) trimaran.Usage {
		if f := views.Snapshot(state); f != nil {
			return f
		}
		return nil
	}}) {
		registry[name] = func(ctx context.Context, args pkgruntime.Object, h fwk.Handle) (fwk.Plugin, error) {
			plugin, err := factory(ctx, args, h)
			judges.Add(h.ProfileName(), plugin)
			return plugin, err
		}
	}
	object, _, err := scheme.Codecs.UniversalDecoder().Decode([]byte(config), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := object.(*kubeschedulerconfig.KubeSchedulerConfiguration)
	s.client = fake.NewClientset(append(surroundings(), oddOwners()...)...)
	s.informers = scheduler.NewInformerFactory(s.client, 0, nil)
	sched, err := scheduler.New(ctx, s.client, s.informers, nil, func(string) events.EventRecorderLogger { return discard{} },
		scheduler.WithProfiles(cfg.Profiles...), scheduler.WithFrameworkOutOfTreeRegistry(registry))
	if err != nil {
		t.Fatal(err)
	}
	if err := Install(sched, cfg.Profiles, s.informers, Options{Judges: judges, Seed: seed + 1}); err != nil {
		t.Fatal(err)
	}
	s.informers.Start(ctx.Done())
	s.informers.WaitForCacheSync(ctx.Done())
	s.sched, s.profile = sched, sched.Profiles[profileName].(*hinted)
	s.snapshot = s.profile.SnapshotSharedLister().(*internalcache.Snapshot)
	if s.profile.terms.Unknown() != "" {
		t.Fatalf("the index does not serve this profile: %s", s.profile.terms.Unknown())
	}
	return s
}

type discard struct{}

func (discard) Eventf(pkgruntime.Object, pkgruntime.Object, string, string, string, string, ...any) {}
func (d discard) WithLogger(klog.Logger) events.EventRecorderLogger                                 { return d }

// change does one thing that happens to a cluster.
func (s *scene) change() {
	switch n := s.IntN(100); {
	case n < 10 || len(s.nodes) < 5:
		node := s.node(s.Name("node"))
		s.nodes[node.Name] = node
		s.sched.Cache.AddNode(s.logger, node)
	case n < 25:
		old := s.anyNode()
		node := s.node(old.Name)
		if s.Chance(50) {
			node = old.DeepCopy()
			node.Spec.Unschedulable = !node.Spec.Unschedulable
		}
		s.nodes[node.Name] = node
		s.sched.Cache.UpdateNode(s.logger, old, node)
	case n < 30 && len(s.nodes) > 25:
		node := s.anyNode()
		delete(s.nodes, node.Name)
		_ = s.sched.Cache.RemoveNode(s.logger, node)
	case n < 50 && len(s.pods) > 0: // the informer confirms
		i := s.IntN(len(s.pods))
		p := s.pods[i].DeepCopy()
		if s.confirmed[p.Name] {
			return
		}
		if s.Chance(5) { // somebody else bound it elsewhere
			p.Spec.NodeName = s.anyNode().Name
		}
		s.pods[i], s.confirmed[p.Name] = p, true
		_ = s.sched.Cache.AddPod(s.logger, p)
	case n < 65 && len(s.pods) > 0: // relabelled, resized or terminating
		i := s.IntN(len(s.pods))
		old := s.pods[i]
		if !s.confirmed[old.Name] {
			return
		}
		p := old.DeepCopy()
		switch s.IntN(3) {
		case 0:
			p.Labels = map[string]string{"app": draw.Of(s.Dice, apps...), "version": p.Labels["version"]}
		case 1:
			p.Spec.Containers[0].Resources.Requests = v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(int64(s.IntN(900)), resource.DecimalSI)}
		default:
			p = terminating(p)
		}
		s.pods[i] = p
		_ = s.sched.Cache.UpdatePod(s.logger, old, p)
	case len(s.pods) > 0 && (n < 75 || len(s.pods) > 200):
		i := s.IntN(len(s.pods))
		p := s.pods[i]
		s.pods = append(s.pods[:i], s.pods[i+1:]...)
		if s.confirmed[p.Name] {
			_ = s.sched.Cache.RemovePod(s.logger, p)
		} else {
			_ = s.sched.Cache.ForgetPod(s.logger, p)
		}
		delete(s.confirmed, p.Name)
	}
}

func (s *scene) anyNode() *v1.Node {
	names := make([]string, 0, len(s.nodes))
	for name := range s.nodes {
		names = append(names, name)
	}
	// Maps have no order, and the seed should decide.
	slices.Sort(names)
	return s.nodes[names[s.IntN(len(names))]]
}

// place asks the index and upstream for the pod's node, compares, and assumes the pod where
// the index said. It returns whether the index answered.
func (s *scene) place(ctx context.Context, t testing.TB, pod *v1.Pod) bool {
	t.Helper()
	if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
		t.Fatal(err)
	}
	hint, served := s.compare(ctx, t, pod, nil)
	if hint == "" {
		return served
	}
	placed := pod.DeepCopy()
	placed.Spec.NodeName = hint
	if err := s.sched.Cache.AssumePod(s.logger, placed); err != nil {
		t.Fatal(err)
	}
	s.pods = append(s.pods, placed)
	return true
}

// compare asks the index and upstream for the node of the pod, of a group's cycle where that is not nil, and returns the hint
// and whether the index answered.
func (s *scene) compare(ctx context.Context, t testing.TB, pod *v1.Pod, group *framework.CycleState) (string, bool) {
	t.Helper()
	// The cycle as upstream runs it with the index, and one without the index.
	cycle, state := framework.NewCycleState(), framework.NewCycleState()
	if group != nil {
		cycle.SetPodGroupSchedulingCycle(group)
		state.SetPodGroupSchedulingCycle(group)
	}
	_, status, _ := s.profile.Framework.RunPreFilterPlugins(ctx, state, pod)
	if _, got, _ := s.profile.RunPreFilterPlugins(ctx, cycle, pod); got.Code() != status.Code() {
		t.Fatalf("%s: PreFilter says %v, upstream's %v", describe(pod), got, status)
	}
	if !status.IsSuccess() || s.profile.named { // of named nodes the index is not asked
		return "", false
	}
	lister := s.profile.SnapshotSharedLister().NodeInfos()
	hint := s.profile.GetNodeHint(ctx, pod, nil, cycle, 0)
	if answer := s.profile.index.answer(s.profile.terms, pod, state); s.small && answer.why == terms.ReasonTopology {
		return "", false
	} else if s.odd && !answer.says {
		return "", false
	} else if !answer.says {
		t.Fatalf("%s: not served for %s", describe(pod), answer.why)
	}
	if s.profile.uncounted.Load() {
		s.uncounted++
	}
	s.comparePass(t, pod)
	if hint != "" {
		node, err := lister.Get(hint)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.profile.RunFilterPluginsWithNominatedPods(ctx, cycle, pod, node); !got.IsSuccess() {
			t.Fatalf("%s: the filters refuse the hint %s: %v", describe(pod), hint, got)
		}
	}

	// What upstream says about all nodes.
	nodes, err := lister.List()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.profile.index.table.Used; got != len(nodes) {
		t.Fatalf("%d nodes in the index, %d in the snapshot", got, len(nodes))
	}
	feasible := map[string]fwk.NodeInfo{}
	var list []fwk.NodeInfo
	for _, n := range nodes {
		if s.profile.Framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, n).IsSuccess() {
			feasible[n.Node().Name] = n
			list = append(list, n)
		}
	}
	index := s.profile.index
	for _, row := range index.feasible {
		if name := index.table.Name(row); feasible[name] == nil {
			st := s.profile.Framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, index.table.Infos[row])
			t.Fatalf("%s: upstream refuses %s, which the index takes: %v", describe(pod), name, st)
		}
	}
	if len(index.feasible) != len(list) {
		for _, n := range list {
			if row, _ := index.table.Row(n.Node().Name); !contains(index.feasible, row) {
				t.Errorf("the index refuses %s, row %+v", n.Node().Name, index.table.Rows[row])
			}
		}
		t.Fatalf("%s: %d feasible nodes, the index has %d", describe(pod), len(list), len(index.feasible))
	}
	switch len(list) {
	case 0:
		if hint != "" {
			t.Fatalf("hint %s where no node is feasible", hint)
		}
		return "", true
	case 1:
		if hint != list[0].Node().Name {
			t.Fatalf("hint %q, want the one feasible node %s", hint, list[0].Node().Name)
		}
	default:
		s.compareScores(ctx, t, state, pod, list, hint)
	}
	s.compareSearch(ctx, t, cycle, pod, nodes, feasible)
	return hint, true
}

// compareSearch wants the filters to have upstream's verdict on every node also where upstream
// goes on from a hint.
func (s *scene) compareSearch(ctx context.Context, t testing.TB, cycle fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo, feasible map[string]fwk.NodeInfo) {
	t.Helper()
	for _, n := range nodes {
		got := s.profile.RunFilterPluginsWithNominatedPods(ctx, cycle, pod, n)
		if want := feasible[n.Node().Name] != nil; got.IsSuccess() != want {
			t.Fatalf("%s on %s after the hint: %v, upstream takes it: %v", describe(pod), n.Node().Name, got, want)
		}
	}
}

func contains(rows []int32, row int32) bool {
	for _, r := range rows {
		if r == row {
			return true
		}
	}
	return false
}

// compareScores wants every node's score to be upstream's, and the hint to be of the best.
func (s *scene) compareScores(ctx context.Context, t testing.TB, state fwk.CycleState, pod *v1.Pod, list []fwk.NodeInfo, hint string) {
	t.Helper()
	if status := s.profile.Framework.RunPreScorePlugins(ctx, state, pod, list); !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	scores, status := s.profile.Framework.RunScorePlugins(ctx, state, pod, list)
	if s.odd && strings.Contains(status.Message(), "invalid score") {
		return // Upstream refuses its own score where a product of a huge quantity has overflowed.
	}
	if !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	index := s.profile.index
	best, hinted := int64(math.MinInt64), int64(math.MinInt64)
	for i := range scores {
		n := &scores[i]
		best = max(best, n.TotalScore)
		if n.Name == hint {
			hinted = n.TotalScore
		}
		row, _ := index.table.Row(n.Name)
		for j, r := range index.feasible {
			if r == row && index.total[j] != n.TotalScore {
				t.Fatalf("%s on %s: score %d, upstream has %d of %v", describe(pod), n.Name, index.total[j], n.TotalScore, n.Scores)
			}
		}
	}
	if hinted != best {
		t.Fatalf("%s: hint %s scores %d, the best has %d", describe(pod), hint, hinted, best)
	}
}

func describe(p *v1.Pod) string {
	var requests []v1.ResourceList
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		requests = append(requests, c.Resources.Requests)
	}
	return fmt.Sprintf("pod %s/%s %v requests %v %v selector %v affinity %v spread %v",
		p.Namespace, p.Name, p.Labels, requests, p.Spec.Resources, p.Spec.NodeSelector, p.Spec.Affinity, p.Spec.TopologySpreadConstraints)
}

// Through thousands of binds, deletions, and changes of nodes and pods, the index has the
// full search's verdict and its score for every node and every pod; also by what nodes are
// predicted to use, as forecasts come and go.
func TestSameAsFullSearch(t *testing.T) {
	for name, config := range profiles {
		for _, predicting := range []bool{false, true} {
			if predicting && (name == "stock" || name == "no node affinity") {
				continue // reads no forecasts
			}
			t.Run(fmt.Sprintf("%s, predicting %v", name, predicting), func(t *testing.T) {
				led := uint64(0)
				for seed := range uint64(3) {
					s := play(t, seed, 300, config, predicting)
					led += s.led
					if uncounted := s.uncounted > 0; uncounted == s.profile.terms.Recounts() {
						t.Errorf("%d pods went without upstream's counts, in a profile that recounts: %v", s.uncounted, s.profile.terms.Recounts())
					}
				}
				if led == 0 && !notLed[name] {
					t.Error("the blocks led no pod")
				}
			})
		}
	}
}

// So it is with the gate that has upstream look at host names without counting the cluster, also where nodes share one.
func TestSameAsFullSearchByHostname(t *testing.T) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.InterPodAffinityHostnameFastPath, true)
	for seed := range uint64(3) {
		play(t, seed+50, 500, profiles["shipped"], false)
	}
}

// notLed are profiles in which every pod is compared over all rows: by node affinity that is added, or by the service that it would get.
var notLed = map[string]bool{"affinity for all": true, "filters only": true, "quality of service": true, "quality of service, once a model judges": true, "everything": true}

// So it is where next to nothing of what was asked before is kept.
func TestSameAsFullSearchWithSmallCaches(t *testing.T) {
	for name, config := range profiles {
		for most := 1; most <= 4; most += 3 {
			t.Run(fmt.Sprint(name, most), func(t *testing.T) {
				playWith(t, uint64(most), 100, config, game{predicting: true, most: most})
			})
		}
	}
}

func play(t testing.TB, seed uint64, steps int, config string, predicting bool) *scene {
	s, _ := playWith(t, seed, steps, config, game{predicting: predicting})
	return s
}

// playOddly is play with what few think of. It returns how many pods the index served.
func playOddly(t testing.TB, seed uint64, steps int, config string) int {
	_, served := playWith(t, seed, steps, config, game{predicting: true, odd: true})
	return served
}

// game is what a scene is played with.
type game struct {
	predicting bool
	most       int // that the index keeps of each; 0 is what it keeps in production
	odd        bool
	groups     bool
}

func playWith(t testing.TB, seed uint64, steps int, config string, with game) (_ *scene, served int) {
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), klog.New(nil)))
	defer cancel()
	s := newScene(ctx, t, seed, config)
	s.odd = with.odd
	if with.most > 0 {
		s.small = true
		s.profile.index.keep(with.most)
	}
	for range 30 {
		node := s.node(s.Name("node"))
		s.nodes[node.Name] = node
		s.sched.Cache.AddNode(s.logger, node)
	}
	var template *v1.Pod
	for range steps {
		for range s.IntN(3) {
			s.change()
		}
		if s.odd && s.Chance(20) {
			s.oddly(ctx, t)
		}
		if with.predicting && s.Chance(20) {
			s.foresee()
		}
		pod := s.pod()
		if template != nil && s.Chance(40) {
			pod = s.replica(template)
		} else {
			template = pod
		}
		if with.groups && s.Chance(15) {
			s.group(ctx, t, pod)
		}
		if s.place(ctx, t, pod) {
			served++
		}
		if t.Failed() {
			return s, served
		}
	}
	if served < steps/2 && !s.small && !s.odd {
		t.Errorf("the index served %d of %d pods", served, steps)
	}
	return s, served
}

func FuzzSameAsFullSearch(f *testing.F) {
	for seed := range uint64(2) {
		f.Add(seed, "shipped", seed%2 == 0)
		f.Add(seed+100, "stock", false)
		f.Add(seed+2, "everything", true)
	}
	f.Fuzz(func(t *testing.T, seed uint64, name string, predicting bool) {
		config, ok := profiles[name]
		if !ok {
			t.Skip()
		}
		playWith(t, seed, 60, config, game{predicting: predicting, odd: seed%2 == 1, groups: seed%4 > 1})
	})
}
