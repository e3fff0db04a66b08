// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	policylisters "k8s.io/client-go/listers/policy/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
	"github.com/foresight-scheduler/foresight/plugins/rebalance/packing"
)

const benchedNodes, benchedPods = 5000, 10 // pods of each node

// BenchmarkLook is a whole look of the rebalancer at 5,000 nodes with 50,000 pods, one in a hundred of them hot: the copy of the nodes, of which
// some have changed, the survey, and the dry runs of the shipped profile. CPU-ms is what the process took, the collection of garbage included;
// turn-ms is how long the goroutine that schedules could have waited.
func BenchmarkLook(b *testing.B) {
	w, change := newBenched(b)
	args := &config.RebalanceArgs{}
	defaults := &configv1.RebalanceArgs{}
	configv1.SetDefaults_RebalanceArgs(defaults)
	if err := configv1.Convert_v1_RebalanceArgs_To_config_RebalanceArgs(defaults, args, nil); err != nil {
		b.Fatal(err)
	}
	w.survey = rebalance.SurveyOf(args, rebalance.Movable{Scheduler: func(string) bool { return true }})
	for _, bench := range []struct {
		name  string
		share float64
	}{{"first pod moves", .3}, {"no gain suffices", 2}} {
		b.Run(bench.name, func(b *testing.B) {
			options := rebalance.OptionsOf(args)
			options.MinShare = bench.share
			asked := &counting{world: w}
			turn := time.Duration(0)
			runtime.GC()
			before := cpuOfProcess(b)
			for b.Loop() {
				change(100)
				now := time.Now()
				if _, err := w.evaluator.Current(b.Context()); err != nil {
					b.Fatal(err)
				}
				turn += time.Since(now)
				c, err := asked.See(b.Context(), now)
				if err != nil {
					b.Fatal(err)
				}
				plan, err := rebalance.NewPlanner(options, now.Add(-24*time.Hour)).Plan(b.Context(), c, asked, 1)
				if err != nil || len(plan.Moves) > 0 != (bench.share < 1) {
					b.Fatal(plan, err)
				}
			}
			b.ReportMetric((cpuOfProcess(b)-before).Seconds()*1000/float64(b.N), "CPU-ms/op")
			b.ReportMetric(turn.Seconds()*1000/float64(b.N), "turn-ms/op")
			b.ReportMetric(float64(asked.asked)/float64(b.N), "dry-runs/op")
		})
	}
}

// BenchmarkLookForANodeToEmpty is what packing adds to every third look, in the same cluster: a node of ten pods is found, by a dry run for each. If none is, a look asks
// about as many pods at most.
func BenchmarkLookForANodeToEmpty(b *testing.B) {
	w, change := newBenched(b)
	args, defaults := &config.RebalanceArgs{}, &configv1.RebalanceArgs{}
	configv1.SetDefaults_RebalanceArgs(defaults)
	if err := configv1.Convert_v1_RebalanceArgs_To_config_RebalanceArgs(defaults, args, nil); err != nil {
		b.Fatal(err)
	}
	args.Packing.Mode = config.RebalanceSuggest
	w.survey = rebalance.SurveyOf(args, rebalance.Movable{Scheduler: func(string) bool { return true }})
	w.survey.Emptiable = func(*v1.Node, time.Time) (bool, rebalance.Reason, time.Time) { return true, "", time.Time{} }
	budgets := policylisters.NewPodDisruptionBudgetLister(cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}))
	options := packing.OptionsOf(args)
	options.Workload, options.Namespace = 10, 10
	change(100)
	now := time.Now()
	c, err := w.See(b.Context(), now)
	if err != nil {
		b.Fatal(err)
	}
	planner := rebalance.NewPlanner(rebalance.OptionsOf(args), now.Add(-24*time.Hour))
	runtime.GC()
	before := cpuOfProcess(b)
	for b.Loop() {
		e := &packing.Emptier{World: &packed{world: w, budgets: budgets}, Options: options, Count: packing.NewMetrics()}
		e.Look(b.Context(), c, planner, true)
		told := &rebalance.Packing{}
		if e.Tell(told); len(told.Records) != 1 || told.Records[0].Result != packing.Suggested {
			b.Fatalf("%+v", told)
		}
	}
	b.ReportMetric((cpuOfProcess(b)-before).Seconds()*1000/float64(b.N), "CPU-ms/op")
}

// counting counts dry runs.
type counting struct {
	*world
	asked int
}

func (c *counting) Best(ctx context.Context, pod *rebalance.Pod, node string, moved []rebalance.Move) ([]string, error) {
	c.asked++
	return c.world.Best(ctx, pod, node, moved)
}

func cpuOfProcess(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// newBenched returns a cluster, and what changes so many of its nodes.
func newBenched(b *testing.B) (*world, func(nodes int)) {
	ctx := klog.NewContext(b.Context(), klog.Background())
	plugins.RegisterArgs()
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode(manifests.SchedulerConfig, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	cfg := obj.(*kubeschedulerconfig.KubeSchedulerConfiguration)

	// 1. Nodes and pods.
	random := rand.New(rand.NewPCG(1, 1))
	pods := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	var nodes []*v1.Node
	var all []*v1.Pod
	byKey := map[string]*v1.Pod{}
	var reading usage.Reading
	for i := range benchedNodes {
		node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", i), Labels: map[string]string{v1.LabelHostname: fmt.Sprint("node-", i), v1.LabelTopologyZone: fmt.Sprint("zone-", i%3)}}}
		node.Status.Allocatable = v1.ResourceList{v1.ResourceCPU: resource.MustParse("8"), v1.ResourceMemory: resource.MustParse("32Gi"), v1.ResourcePods: resource.MustParse("110")}
		node.Status.Capacity = node.Status.Allocatable
		nodes = append(nodes, node)
		used := 0.0
		for j := range benchedPods {
			name := fmt.Sprintf("pod-%d-%d", i, j)
			owner := fmt.Sprint("workload-", random.IntN(2000))
			pod := &v1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "shop", Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(time.Now().Add(-48 * time.Hour)), Labels: map[string]string{"app": owner},
					OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: owner, UID: types.UID(owner), Controller: ptr.To(true)}},
				},
				Spec: v1.PodSpec{
					SchedulerName: "foresight-scheduler", NodeName: node.Name, RestartPolicy: v1.RestartPolicyAlways,
					Containers: []v1.Container{{Name: "c", Resources: v1.ResourceRequirements{Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("500m"), v1.ResourceMemory: resource.MustParse("1Gi")}}}},
				},
				Status: v1.PodStatus{Phase: v1.PodRunning},
			}
			if err := pods.Add(pod); err != nil {
				b.Fatal(err)
			}
			all, byKey["shop/"+name] = append(all, pod), pod
			sample := usage.PodSample{Namespace: "shop", Name: name, UID: name, Node: node.Name}
			cores := .8 * random.Float64()
			if i%100 == 0 {
				cores *= 2.5
			}
			sample.Set(usage.CPU, cores)
			sample.Set(usage.Memory, 1<<30)
			reading.Pods = append(reading.Pods, sample)
			used += cores
		}
		sample := usage.NodeSample{Node: node.Name}
		sample.Set(usage.CPU, used+.1)
		sample.Set(usage.Memory, 11<<30)
		reading.Nodes = append(reading.Nodes, sample)
	}

	// 2. What they use.
	now := testclock.NewFakeClock(time.Now().Add(-10 * time.Minute))
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	e := learn.New(config.PredictionArgs{
		Usage:      config.UsageArgs{Interval: d(2 * time.Minute), Window: d(15 * time.Minute), Expiry: d(time.Hour)},
		Percentile: 95, ColdStart: d(15 * time.Minute), Checkpoint: config.CheckpointArgs{Interval: d(time.Hour)},
	}, now)
	e.LookAhead()
	stepper := e.Stepper(learn.Cluster{
		Nodes: func() []*v1.Node { return nodes }, Pods: func() []*v1.Pod { return all },
		Pod:      func(namespace, name string) *v1.Pod { return byKey[namespace+"/"+name] },
		Machines: func(string) (usage.Machine, bool) { return usage.Machine{Cores: 8, Bytes: 32 << 30}, true },
	})
	for range 5 {
		now.Step(2 * time.Minute)
		r := usage.Reading{Start: now.Now(), End: now.Now(), Nodes: append([]usage.NodeSample(nil), reading.Nodes...), Pods: append([]usage.PodSample(nil), reading.Pods...)}
		for i := range r.Nodes {
			r.Nodes[i].Time, r.Nodes[i].Window = now.Now(), 30*time.Second
		}
		for i := range r.Pods {
			r.Pods[i].Time, r.Pods[i].Window = now.Now(), 30*time.Second
		}
		if err := stepper.Step(ctx, r); err != nil {
			b.Fatal(err)
		}
	}

	// 3. A scheduler that has them in its cache, with an evaluator.
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	registry := plugins.Registry(plugins.Options{Engine: e, Uncounted: true})
	sched, err := scheduler.New(ctx, client, factory, nil, func(string) events.EventRecorderLogger { return &events.FakeRecorder{} },
		scheduler.WithProfiles(cfg.Profiles...), scheduler.WithFrameworkOutOfTreeRegistry(registry))
	if err != nil {
		b.Fatal(err)
	}
	evaluator, err := evaluate.New(ctx, sched, cfg.Profiles, evaluate.Options{Candidates: 1, Read: e.Reader(), Registry: plugins.Registry(plugins.Options{Engine: e, Uncounted: true})})
	if err != nil {
		b.Fatal(err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	log := klog.FromContext(ctx)
	for _, node := range nodes {
		sched.Cache.AddNode(log, node)
	}
	for _, pod := range all {
		if err := sched.Cache.AddPod(log, pod); err != nil {
			b.Fatal(err)
		}
	}
	change := func(n int) {
		for i := range n {
			old := nodes[i*len(nodes)/n]
			sched.Cache.UpdateNode(log, old, old.DeepCopy())
		}
	}
	w := &world{evaluator: evaluator, profiles: []string{"foresight-scheduler"}, pods: corelisters.NewPodLister(pods), read: e.Reader()}
	return w, change
}
