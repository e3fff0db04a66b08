// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package learn is the engine. It collects usage, learns from it, and publishes its knowledge as
// immutable snapshots, off the scheduling path:
//
//	usage.Source → usage.Collector → windows, pods.Learned, nodes.Learned → forecast.Snapshot
//
// The goroutine of Run learns and publishes; another one trains models. A checkpoint keeps what was
// learned.
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

// Engine collects usage and publishes snapshots of the forecasts made from it. Snapshot and
// PodEnded may be called from any goroutine at any time, also before and after Run.
type Engine struct {
	args     config.PredictionArgs
	clock    clock.Clock
	snapshot atomic.Pointer[forecast.Snapshot]
	lives    *lives.Lives
	// collector is set from when Run starts to collect, status from the first publication.
	collector atomic.Pointer[usage.Collector]
	status    atomic.Pointer[status]
	told      []func(*usage.Reading)
	ahead     bool
}

// mostWorkloads is the largest number of workloads, and of classes, that are remembered. 150,000
// pods belong to 10,000 to 20,000 workloads.
const mostWorkloads = 30_000

// Cluster is the engine's access to the cluster, from caches. Any field may be nil.
type Cluster struct {
	// Machines returns the sizes of nodes.
	Machines usage.Machines
	// Pod returns the object of a pod, or nil.
	Pod pods.Lookup
	// Nodes returns the existing nodes, and Pods the existing pods. The results must not be
	// changed.
	Nodes func() []*v1.Node
	Pods  func() []*v1.Pod
	// MayPredict reports whether a pod may state its use by annotations. If nil, no pod may.
	MayPredict func(*v1.Pod) bool
}

// New returns an engine that knows nothing yet. The args must be valid. The clock is the real one
// except in tests.
func New(args config.PredictionArgs, clock clock.Clock) *Engine {
	return &Engine{args: args, clock: clock, lives: lives.New(mostWorkloads)}
}

// Snapshot returns the newest snapshot, or nil while nothing is known.
func (e *Engine) Snapshot() *forecast.Snapshot { return e.snapshot.Load() }

// Reader returns a reader of the engine's snapshots, or nil if e is nil.
func (e *Engine) Reader() forecast.Reader {
	if e == nil {
		return nil
	}
	return e.Snapshot
}

// Expiry returns the age at which a node's newest sample no longer counts.
func (e *Engine) Expiry() time.Duration { return e.args.Usage.Expiry.Duration }

// Now returns the time by the engine's clock.
func (e *Engine) Now() time.Time { return e.clock.Now() }

// Usage returns the args of the source of usage, which must not be changed.
func (e *Engine) Usage() *config.UsageArgs { return &e.args.Usage }

// Tell registers a function that is called with each clean reading, which it must not change. Call
// Tell before Run.
func (e *Engine) Tell(told func(*usage.Reading)) { e.told = append(e.told, told) }

// LookAhead has the engine learn the next hours of each running pod (Snapshot.Ahead). It takes
// about 350 bytes a pod and 800 bytes a workload, and as many in the snapshot. Call it before Run.
func (e *Engine) LookAhead() { e.ahead = true }

// Hours counts the past hours of nodes by whether the peak of a resource was within, above or below
// the forecast made when the hour began. promised is the share of hours, 0–1, whose peak is to stay
// below the upper bound.
func (e *Engine) Hours(r forecast.Resource) (within, above, below uint64, promised float64) {
	promised = float64(e.args.Percentile) / 100
	if st := e.status.Load(); st != nil {
		within, above, below = st.realised.Within[r], st.realised.Above[r], st.realised.Below[r]
	}
	return within, above, below, promised
}

// Accounts returns, by node, how the forecasts of its hours came out. It must not be changed, and
// may still hold nodes that are gone.
func (e *Engine) Accounts() map[string]*nodes.Account {
	if st := e.status.Load(); st != nil {
		return st.accounts
	}
	return nil
}

// PodEnded tells the engine that a pod, given as last seen, ended at a time and was not evicted.
func (e *Engine) PodEnded(pod *v1.Pod, at time.Time) { e.lives.Ended(pod, at) }

// Run reads the source at the configured interval until ctx ends or the source does. It returns an
// error at once if it cannot begin. A reading that fails is retried, and meanwhile earlier
// knowledge counts less and less. Only one Run may be active at a time.
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

// status is what metrics export about the last snapshot.
type status struct {
	standing nodes.Standing
	blind    bool
	pods     pods.Status
	nodes    int
	lives    int
	training nodes.Training
	realised nodes.Realised
	accounts map[string]*nodes.Account
	// outlooks are those of nodes. They are nil if there are too many nodes to name each.
	outlooks []nodes.Outlook
	bytes    uint64
	// saves and saveFailures count those of the checkpoint since the start.
	saves, saveFailures uint64
	// loads and loadFailures count those of the checkpoint; only one of them can be 1.
	loads, loadFailures uint64
}
