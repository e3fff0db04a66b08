// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package learn collects usage, learns from it, and publishes what it knows as immutable
// snapshots, off the scheduling path.
//
//	usage.Source → usage.Collector → windows, pods.Learned, nodes.Learned → forecast.Snapshot
//
// One goroutine, that of Run, learns and publishes; another one trains models. What was
// learned is kept in a checkpoint.
package learn

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/lives"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/nodes"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/pods"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Engine collects usage and publishes snapshots of what follows from it. Snapshot and
// PodEnded may be called by anyone at any time, also before and after Run.
type Engine struct {
	args     config.PredictionArgs
	clock    clock.Clock
	snapshot atomic.Pointer[forecast.Snapshot]
	lives    *lives.Lives
	// collector is set while Run runs, status once something was published.
	collector atomic.Pointer[usage.Collector]
	status    atomic.Pointer[status]
	told      []func(*usage.Reading)
	ahead     bool
}

// mostWorkloads bounds what is remembered of workloads, and of classes. 150,000 pods are
// of 10,000 to 20,000 workloads.
const mostWorkloads = 30_000

// Cluster is what the engine asks about the cluster, from caches. Any of it may be nil.
type Cluster struct {
	// Machines tells the sizes of nodes.
	Machines usage.Machines
	// Pod returns the object of a pod, or nil.
	Pod pods.Lookup
	// Nodes returns the nodes that there are, and Pods the pods. Nobody writes to either.
	Nodes func() []*v1.Node
	Pods  func() []*v1.Pod
	// MayPredict says whether a pod may say by annotations what it will use; nil is none.
	MayPredict func(*v1.Pod) bool
}

// New returns an engine that knows nothing yet. The args must be valid; the clock is
// the real one but in tests.
func New(args config.PredictionArgs, clock clock.Clock) *Engine {
	return &Engine{args: args, clock: clock, lives: lives.New(mostWorkloads)}
}

// Snapshot returns the newest snapshot, or nil while nothing is known.
func (e *Engine) Snapshot() *forecast.Snapshot { return e.snapshot.Load() }

// Reader reads the engine's snapshots; nil where there is no engine.
func (e *Engine) Reader() forecast.Reader {
	if e == nil {
		return nil
	}
	return e.Snapshot
}

// Expiry is the age at which a node's newest sample no longer counts.
func (e *Engine) Expiry() time.Duration { return e.args.Usage.Expiry.Duration }

// Now is the time by the engine's clock.
func (e *Engine) Now() time.Time { return e.clock.Now() }

// Usage says where usage comes from; read only.
func (e *Engine) Usage() *config.UsageArgs { return &e.args.Usage }

// Tell has told called with each clean reading, which nobody may write to. Call it before Run.
func (e *Engine) Tell(told func(*usage.Reading)) { e.told = append(e.told, told) }

// LookAhead has the engine learn what each pod that runs will do in the next hours (Snapshot.Ahead). It takes about 350 bytes a pod and
// 800 a workload, and as many in the snapshot. Call it before Run.
func (e *Engine) LookAhead() { e.ahead = true }

// Hours counts the hours of nodes that are over by whether the peak of a resource was within, above or below what was forecast when
// they began; promised is the share, 0–1, that is to stay below the upper bound.
func (e *Engine) Hours(r forecast.Resource) (within, above, below uint64, promised float64) {
	promised = float64(e.args.Percentile) / 100
	if st := e.status.Load(); st != nil {
		within, above, below = st.realised.Within[r], st.realised.Above[r], st.realised.Below[r]
	}
	return within, above, below, promised
}

// Accounts are how forecasts of each node's hours came out, by node; nobody writes to them. Nodes that have gone may be in them still.
func (e *Engine) Accounts() map[string]*nodes.Account {
	if st := e.status.Load(); st != nil {
		return st.accounts
	}
	return nil
}

// PodEnded tells of a pod that left at a time and was not evicted, as it was last seen.
func (e *Engine) PodEnded(pod *v1.Pod, at time.Time) { e.lives.Ended(pod, at) }

// Run reads the source at the configured interval until ctx ends, or the source does. It
// returns an error at once where it cannot begin; a reading that fails is retried, and
// what is known counts ever less. Run may run once at a time.
func (e *Engine) Run(ctx context.Context, source usage.Source, cluster Cluster) error {
	logger := klog.FromContext(ctx)
	bounds := usage.DefaultBounds()
	bounds.MaxAge = e.Expiry()
	l := newLearner(&e.args, cluster, e.lives, e.ahead)
	publish := func(news bool) {
		s, status := l.publish(e.clock.Now(), news)
		if s != nil {
			l.tell(logger, status)
			e.status.Store(status)
			e.snapshot.Store(s)
		}
	}
	read := &watched{Source: source, logger: logger, failed: func() { publish(false) }, roster: l.roster}
	schedule := usage.Schedule{Interval: e.args.Usage.Interval.Duration, Jitter: .1}
	collector, err := usage.NewCollector(read, usage.NewCleaner(bounds, cluster.Machines), schedule, e.clock)
	if err != nil {
		return err
	}

	// 1. What is known from before.
	if !l.restore(ctx, &e.args, e.clock.Now()) {
		l.backfill(ctx, source, &e.args, e.clock.Now())
	}
	publish(true)
	if ctx.Err() != nil {
		return nil
	}

	// 2. Training, beside everything.
	var training sync.WaitGroup
	defer training.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	training.Go(func() {
		l.nodes.Train(ctx, func(err error) { logger.Error(err, "Training failed; the last model stays") })
	})

	// 3. Read, learn, publish.
	e.collector.Store(collector)
	logger.Info("Collecting usage", "source", source.Name(), "interval", e.args.Usage.Interval.Duration)
	saved := e.clock.Now()
	collector.Run(ctx, func(r usage.Reading) {
		for _, told := range e.told {
			told(&r)
		}
		l.learn(r, e.snapshot.Load())
		publish(true)
		if e.clock.Since(saved) >= e.args.Checkpoint.Interval.Duration {
			saved = e.clock.Now()
			l.save(ctx, &e.args)
		}
	})
	l.save(ctx, &e.args)
	return nil
}

// status is what metrics tell of the last snapshot.
type status struct {
	standing nodes.Standing
	blind    bool
	pods     pods.Status
	nodes    int
	lives    int
	training nodes.Training
	realised nodes.Realised
	accounts map[string]*nodes.Account
	// outlooks of nodes; nil where there are too many to be named.
	outlooks []nodes.Outlook
	bytes    uint64
	// saves and failures of the checkpoint since the start.
	saves, saveFailures uint64
	// loads and failures of it: one of either at most.
	loads, loadFailures uint64
}
