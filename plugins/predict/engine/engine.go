// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package engine collects usage and publishes what it learns from it as immutable snapshots,
// off the scheduling path.
package engine

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Engine collects usage and publishes snapshots of it. Snapshot may be called by anyone
// at any time, also before and after Run.
type Engine struct {
	args     config.UsageArgs
	clock    clock.Clock
	snapshot atomic.Pointer[predict.Snapshot]
	// collector is set while Run runs.
	collector atomic.Pointer[usage.Collector]
}

// New returns an engine that knows nothing yet. The args must be valid; the clock is
// the real one but in tests.
func New(args config.UsageArgs, clock clock.Clock) *Engine {
	return &Engine{args: args, clock: clock}
}

// Snapshot returns the newest snapshot, or nil while nothing is known.
func (e *Engine) Snapshot() *predict.Snapshot { return e.snapshot.Load() }

// Expiry is the age at which a node's newest sample no longer counts.
func (e *Engine) Expiry() time.Duration { return e.args.Expiry.Duration }

// Run reads the source at the configured interval until ctx ends, or the source does. It
// returns an error at once where it cannot begin; a reading that fails is retried, and the
// last snapshot stands until its samples expire. Run may run once at a time.
func (e *Engine) Run(ctx context.Context, source usage.Source, machines usage.Machines) error {
	bounds := usage.DefaultBounds()
	bounds.MaxAge = e.args.Expiry.Duration
	logger := klog.FromContext(ctx)
	source = &logged{Source: source, logger: logger}
	schedule := usage.Schedule{Interval: e.args.Interval.Duration, Jitter: .1}
	collector, err := usage.NewCollector(source, usage.NewCleaner(bounds, machines), schedule, e.clock)
	if err != nil {
		return err
	}
	e.collector.Store(collector)
	logger.Info("Collecting usage", "source", source.Name(), "interval", e.args.Interval.Duration)
	h := newHistory(e.args.Window.Duration, e.args.Expiry.Duration)
	collector.Run(ctx, func(r usage.Reading) {
		h.add(r)
		e.snapshot.Store(h.publish(e.clock.Now()))
	})
	return nil
}

// logged is a source whose failures are told. The collector slows down after failures, so
// this does not flood a log.
type logged struct {
	usage.Source
	logger klog.Logger
}

func (l *logged) Read(ctx context.Context) (usage.Reading, error) {
	r, err := l.Source.Read(ctx)
	if err != nil && ctx.Err() != context.Canceled && !errors.Is(err, io.EOF) {
		l.logger.Error(err, "Reading usage failed; what is known counts until it expires", "source", l.Name())
	}
	return r, err
}
