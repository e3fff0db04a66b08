// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"math"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultbinder"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/queuesort"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const gi = 1 << 30

// view is a view of usage.
type view map[string]forecast.NodeUsage

func (v view) Node(name string) (forecast.NodeUsage, bool) { u, ok := v[name]; return u, ok }

// options return options that always have this view.
func (v view) options() Options { return Options{Usage: func(fwk.CycleState) Usage { return v }} }

// used is usage that was sampled just now: cores and bytes with no deviation.
func used(cores, bytes float64) forecast.NodeUsage {
	return forecast.NodeUsage{CPU: forecast.Stats{Mean: cores, Latest: cores}, Memory: forecast.Stats{Mean: bytes, Latest: bytes}, Newest: time.Now()}
}

func deviating(u forecast.NodeUsage, cores, bytes float64) forecast.NodeUsage {
	u.CPU.StdDev, u.Memory.StdDev = cores, bytes
	return u
}

// The args as they are by default.
func packingArgs() *schedulerplugins.TargetLoadPackingArgs {
	return &schedulerplugins.TargetLoadPackingArgs{
		TargetUtilization: 40, DefaultRequestsMultiplier: "1.5",
		DefaultRequests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("1")},
	}
}

func balancingArgs() *schedulerplugins.LoadVariationRiskBalancingArgs {
	return &schedulerplugins.LoadVariationRiskBalancingArgs{SafeVarianceMargin: 1, SafeVarianceSensitivity: 1}
}

func overCommitmentArgs() *schedulerplugins.LowRiskOverCommitmentArgs {
	return &schedulerplugins.LowRiskOverCommitmentArgs{SmoothingWindowSize: 5,
		RiskLimitWeights: map[v1.ResourceName]float64{v1.ResourceCPU: 0.5, v1.ResourceMemory: 0.5}}
}

// doubling draws 2^(x/10) watts at x percent: 1 W when idle, twice as much every 10 %.
var doubling = schedulerplugins.PowerModel{K1: 1, K2: math.Ln2 / 10}

func peaksArgs(nodes ...string) *schedulerplugins.PeaksArgs {
	models := map[string]schedulerplugins.PowerModel{}
	for _, n := range nodes {
		models[n] = doubling
	}
	return &schedulerplugins.PeaksArgs{NodePowerModel: models}
}

// everyPlugin has each plugin's default args, with power models for the nodes.
func everyPlugin(nodes ...string) map[string]runtime.Object {
	return map[string]runtime.Object{
		TargetLoadPackingName:          packingArgs(),
		LoadVariationRiskBalancingName: balancingArgs(),
		LowRiskOverCommitmentName:      overCommitmentArgs(),
		PeaksName:                      peaksArgs(nodes...),
	}
}

// scheduler is a framework with one of the plugins among some nodes.
type scheduler struct {
	framework.Framework
	plugin interface {
		fwk.PreScorePlugin
		fwk.ScorePlugin
		fwk.SignPlugin
	}
	snapshot *cache.Snapshot
	nodes    []fwk.NodeInfo
}

func newScheduler(t testing.TB, name string, args runtime.Object, opts Options, nodes []*v1.Node, pods ...*v1.Pod) scheduler {
	t.Helper()
	metrics.Register()
	s := scheduler{snapshot: cache.NewSnapshot(pods, nodes)}
	plugins := kubeschedulerconfig.PluginSet{Enabled: []kubeschedulerconfig.Plugin{{Name: queuesort.Name}, {Name: name, Weight: 1}, {Name: defaultbinder.Name}}}
	var err error
	s.Framework, err = frameworkruntime.NewFramework(t.Context(),
		frameworkruntime.Registry{queuesort.Name: queuesort.New, defaultbinder.Name: defaultbinder.New, name: Factories(opts)[name]},
		&kubeschedulerconfig.KubeSchedulerProfile{
			SchedulerName: "test",
			Plugins:       &kubeschedulerconfig.Plugins{MultiPoint: plugins},
			PluginConfig:  []kubeschedulerconfig.PluginConfig{{Name: name, Args: args}},
		},
		frameworkruntime.WithSnapshotSharedLister(s.snapshot),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(fake.NewClientset(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	plugin, err := Factories(opts)[name](t.Context(), args, s.Framework)
	if err != nil {
		t.Fatal(err)
	}
	s.plugin = plugin.(interface {
		fwk.PreScorePlugin
		fwk.ScorePlugin
		fwk.SignPlugin
	})
	if s.nodes, err = s.snapshot.NodeInfos().List(); err != nil {
		t.Fatal(err)
	}
	return s
}

// scores runs PreScore, Score and NormalizeScore as upstream does.
func (s scheduler) scores(t testing.TB, pod *v1.Pod) map[string]int64 {
	t.Helper()
	return scoresOf(t, s.Framework, pod, s.nodes)
}

func scoresOf(t testing.TB, f framework.Framework, pod *v1.Pod, nodes []fwk.NodeInfo) map[string]int64 {
	t.Helper()
	state := framework.NewCycleState()
	if status := f.RunPreScorePlugins(t.Context(), state, pod, nodes); !status.IsSuccess() {
		t.Fatalf("PreScore: %v", status)
	}
	list, status := f.RunScorePlugins(t.Context(), state, pod, nodes)
	if !status.IsSuccess() {
		t.Fatalf("Score: %v", status)
	}
	scores := map[string]int64{}
	for _, s := range list {
		scores[s.Name] = s.TotalScore
	}
	return scores
}

// place puts the pod on the node as upstream does when it assumes it.
func (s scheduler) place(t testing.TB, pod *v1.Pod, node string) {
	t.Helper()
	n, err := s.snapshot.Get(node)
	if err != nil {
		t.Fatal(err)
	}
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		t.Fatal(err)
	}
	n.AddPodInfo(info)
}

func node(name, cores, bytes string) *v1.Node {
	return st.MakeNode().Name(name).Capacity(map[v1.ResourceName]string{v1.ResourceCPU: cores, v1.ResourceMemory: bytes, v1.ResourcePods: "500"}).Obj()
}

// podWith has one container; "" is no such request or limit.
func podWith(name, cpuRequest, cpuLimit, memoryRequest, memoryLimit string) *v1.Pod {
	p := st.MakePod().Namespace("shop").Name(name).UID(name).Obj()
	list := func(cpu, memory string) v1.ResourceList {
		l := v1.ResourceList{}
		if cpu != "" {
			l[v1.ResourceCPU] = resource.MustParse(cpu)
		}
		if memory != "" {
			l[v1.ResourceMemory] = resource.MustParse(memory)
		}
		return l
	}
	p.Spec.Containers = []v1.Container{{Name: "c", Resources: v1.ResourceRequirements{
		Requests: list(cpuRequest, memoryRequest), Limits: list(cpuLimit, memoryLimit)}}}
	return p
}

// assumed is a pod that upstream has just placed: it has no status.
func assumed(p *v1.Pod, node string) *v1.Pod {
	p.Spec.NodeName = node
	return p
}

// runningSince is a pod that started some time ago.
func runningSince(p *v1.Pod, node string, ago time.Duration) *v1.Pod {
	p.Spec.NodeName = node
	p.Status = v1.PodStatus{Phase: v1.PodRunning, StartTime: &metav1.Time{Time: time.Now().Add(-ago).Truncate(time.Second)}}
	return p
}

// register does what package plugins does with AddToScheme.
var register = sync.OnceFunc(func() {
	for _, s := range schemes() {
		if err := AddToScheme(s); err != nil {
			panic(err)
		}
	}
})
