// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/decision/watch"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// measurement is one run of one variant.
type measurement struct {
	podsPerSecond float64
	cpuPerPod     time.Duration
	allocsPerPod  float64
	p50, p99      time.Duration // of the scheduling algorithm: filter and score of one pod
	bytesPerNode  float64       // heap of the scheduler before the first pod
}

// trial is one run of one variant.
type trial struct {
	variant, mix string
	limit        time.Duration
	// told is where the floor puts pods; noted, if not nil, learns where they were put.
	told, noted placements
}

// runOnce builds a scheduler for the variant and lets it place the pending pods, until all
// are placed or the time is up.
func runOnce(ctx context.Context, c *synthetic.Cluster, t trial) (measurement, error) {
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.Background()))
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	goroutines, before := runtime.NumGoroutine(), heap()
	server := newAPI(c, len(c.Pending))
	server.noted = t.noted
	sched, latencies, shutdown, err := newScheduler(ctx, server, t, c)
	if err != nil {
		return measurement{}, err
	}
	// The informers hold the cluster; the next run's heap must be without them.
	running.Go(func() {
		<-ctx.Done()
		shutdown()
	})
	after := heap()

	startCPU, startAllocs, start := cpuTime(), mallocs(), time.Now()
	running.Go(func() { sched.Run(ctx) })
	timer := time.NewTimer(t.limit)
	defer timer.Stop()
	select {
	case <-server.done:
	case <-timer.C:
	case <-ctx.Done():
		return measurement{}, ctx.Err()
	}
	elapsed, cpu, allocs := time.Since(start), cpuTime()-startCPU, mallocs()-startAllocs
	bound, failed := server.bound.Load(), server.failed.Load()
	cancel()
	running.Wait()
	await(goroutines)
	if bound == 0 {
		return measurement{}, errors.New("no pod was placed in the given time")
	}
	if failed > 0 {
		return measurement{}, fmt.Errorf("%d times a pod could not be placed: the cluster is too small for this mix", failed)
	}
	took := latencies.sorted()
	return measurement{
		podsPerSecond: float64(bound) / elapsed.Seconds(),
		cpuPerPod:     cpu / time.Duration(bound),
		allocsPerPod:  float64(allocs) / float64(bound),
		p50:           took[len(took)/2],
		p99:           took[len(took)*99/100],
		bytesPerNode:  (after - before) / float64(len(c.Nodes.Items)),
	}, nil
}

// latencies of the scheduling algorithm.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) sorted() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.took)
	return l.took
}

// newScheduler returns a scheduler of the variant that has seen the whole cluster and has
// the pending pods in its queue, and what waits for its informers once the context is done.
func newScheduler(ctx context.Context, server *api, t trial, c *synthetic.Cluster) (*scheduler.Scheduler, *latencies, func(), error) {
	variant := t.variant
	options := plugins.Options{Judges: &judge.Plugins{}}
	if variant != stock && variant != stockAllNodes && variant != floor {
		engine, err := syntheticEngine(ctx, c, predicts(variant))
		if err != nil {
			return nil, nil, nil, err
		}
		options.Engine = engine
	}
	registry := plugins.Registry(options)
	cfg, err := configOf(variant, t.mix)
	if err != nil {
		return nil, nil, nil, err
	}
	informers := scheduler.NewInformerFactory(server, 0, nil)
	sched, err := scheduler.New(ctx, server, informers, nil,
		func(string) events.EventRecorderLogger { return silent{} },
		scheduler.WithProfiles(cfg.Profiles...),
		scheduler.WithPercentageOfNodesToScore(cfg.PercentageOfNodesToScore),
		scheduler.WithFrameworkOutOfTreeRegistry(registry),
	)
	if err != nil {
		return nil, nil, nil, err
	}
	w := &watch.Watcher{}
	if hasIndex(variant) {
		tell := func(a nodeindex.Answer) {
			w.Index(watch.Answer{Said: true, Node: a.Node, Score: a.Score, Alike: a.Alike, Feasible: a.Feasible, Bypass: a.Bypass})
		}
		if err := nodeindex.Install(sched, cfg.Profiles, informers, nodeindex.Options{Judges: options.Judges, Tell: tell}); err != nil {
			return nil, nil, nil, err
		}
	}
	if variant == floor {
		t.told.install(sched)
	}
	if records(variant) {
		if err := record(ctx, sched, w, cfg.Profiles, options.Engine); err != nil {
			return nil, nil, nil, err
		}
	}
	l := &latencies{}
	schedulePod := sched.SchedulePod
	sched.SchedulePod = func(ctx context.Context, f framework.Framework, state fwk.CycleState, pod *framework.QueuedPodInfo) (scheduler.ScheduleResult, error) {
		start := time.Now()
		result, err := schedulePod(ctx, f, state, pod)
		l.mu.Lock()
		l.took = append(l.took, time.Since(start))
		l.mu.Unlock()
		return result, err
	}
	informers.Start(ctx.Done())
	informers.WaitForCacheSync(ctx.Done())
	if err := sched.WaitForHandlersSync(ctx); err != nil {
		return nil, nil, nil, err
	}
	return sched, l, informers.Shutdown, nil
}

// record keeps decisions as the command does by default.
func record(ctx context.Context, sched *scheduler.Scheduler, w *watch.Watcher, profiles []kubeschedulerconfig.KubeSchedulerProfile, e *learn.Engine) error {
	args, internal := &configv1.DecisionsArgs{}, &config.DecisionsArgs{}
	configv1.SetDefaults_DecisionsArgs(args)
	if err := configv1.Convert_v1_DecisionsArgs_To_config_DecisionsArgs(args, internal, nil); err != nil {
		return err
	}
	evaluator, err := evaluate.New(ctx, sched, profiles, evaluate.Options{
		Candidates: int(internal.Candidates), Registry: plugins.Registry(plugins.Options{Engine: e, Uncounted: true}), Read: e.Reader(),
	})
	if err != nil {
		return err
	}
	background := evaluate.NewBackground(evaluator, float64(internal.EvaluatePercent)/100)
	w.Ring, w.Evaluator = decision.NewRing(int(internal.Records), internal.MaxBytes), background
	w.Epoch = func() uint64 { return e.Snapshot().Epoch() }
	go background.Run(ctx)
	w.Install(sched)
	return nil
}

// await waits until there are no more goroutines than that: bindings that upstream does not wait for hold the whole scheduler,
// and the next run's heap must be without it.
func await(goroutines int) {
	for patience := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(patience); {
		time.Sleep(10 * time.Millisecond)
	}
}

func heap() float64 {
	// What only a pool or a finalizer holds, the last run's too, goes with the second one.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// cpuTime is what the process has used, in user and system mode.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
