// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Schedule is the timing of a Collector's readings.
type Schedule struct {
	// Interval is the time from the start of one reading to the start of the next.
	Interval time.Duration
	// Jitter is the share of the interval, 0–1, by which each start may move, half of it to either
	// side, so that several readers of one server drift apart.
	Jitter float64
	// Timeout is that of one reading; 0 is the interval.
	Timeout time.Duration
	// MaxBackoff is the longest wait after failures; 0 is four intervals. The wait starts at the
	// interval and doubles with each further failure in a row. Before the first good reading it
	// starts at one second (or the interval, if shorter), since a source that starts together with
	// the collector is soon there. For example, with an interval of 1 min the waits are 1, 2, 4, 4
	// … min.
	MaxBackoff time.Duration
}

// Status is the state of a Collector's readings.
type Status struct {
	// LastSuccess is the time at which the last good reading ended; zero before the first.
	LastSuccess time.Time
	// LastDuration is how long the last reading took, good or not.
	LastDuration time.Duration
	// LastErr is the error of the last reading, or nil if it was good.
	LastErr error
	// ConsecutiveFailures counts the failed readings since the last good one.
	ConsecutiveFailures int
	// Readings and Failures count the good and the failed readings since the start.
	Readings, Failures uint64
	// NodeFailures counts the nodes that could not be read in good readings.
	NodeFailures uint64
	// Warnings counts the remarks of the queried server in good readings.
	Warnings uint64
	// Dropped counts what was not believed since the start.
	Dropped Drops
}

// Collector reads a source at an interval, cleans the readings and delivers them.
type Collector struct {
	source   Source
	cleaner  *Cleaner
	schedule Schedule
	clock    clock.Clock

	mu     sync.Mutex
	status Status
}

// NewCollector returns a collector of source. The caller must not use the cleaner afterwards.
func NewCollector(source Source, cleaner *Cleaner, schedule Schedule, clock clock.Clock) (*Collector, error) {
	switch {
	case schedule.Interval <= 0:
		return nil, fmt.Errorf("interval %v: must be positive", schedule.Interval)
	case !(schedule.Jitter >= 0 && schedule.Jitter <= 1):
		return nil, fmt.Errorf("jitter %v: must be within 0 and 1", schedule.Jitter)
	case schedule.Timeout < 0:
		return nil, fmt.Errorf("timeout %v: must not be negative", schedule.Timeout)
	case schedule.MaxBackoff != 0 && schedule.MaxBackoff < schedule.Interval:
		return nil, fmt.Errorf("maximal backoff %v: must not be less than the interval, %v", schedule.MaxBackoff, schedule.Interval)
	}
	if schedule.Timeout == 0 {
		schedule.Timeout = schedule.Interval
	}
	if schedule.MaxBackoff == 0 {
		schedule.MaxBackoff = 4 * schedule.Interval
	}
	return &Collector{source: source, cleaner: cleaner, schedule: schedule, clock: clock}, nil
}

// Status returns the state of the readings. It is safe for concurrent use.
func (c *Collector) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Run reads at once and then at the interval. It calls deliver with each good reading, which
// deliver may keep. A reading starts only after the previous one was delivered; missed starts are
// skipped. Run returns when ctx ends or the source does. Only one Run may be active at a time.
func (c *Collector) Run(ctx context.Context, deliver func(Reading)) {
	for {
		start := c.clock.Now()
		reading, err := c.read(ctx)
		if ctx.Err() != nil {
			return // What a cancelled reading says is not about the source.
		}
		if errors.Is(err, ErrEnd) {
			return
		}
		failures := c.record(start, reading, err)
		if err == nil {
			deliver(reading)
		}

		timer := c.clock.NewTimer(c.delay(failures, c.clock.Since(start)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}

// read takes one clean reading.
func (c *Collector) read(ctx context.Context) (Reading, error) {
	// The timeout is by the real clock: a server is not slow by a simulated one.
	ctx, cancel := context.WithTimeout(ctx, c.schedule.Timeout)
	defer cancel()
	reading, err := c.source.Read(ctx)
	if err != nil {
		return Reading{}, fmt.Errorf("reading %s: %w", c.source.Name(), err)
	}
	return c.cleaner.Clean(c.clock.Now(), reading), nil
}

// record stores the outcome of a reading and returns the number of failures in a row.
func (c *Collector) record(start time.Time, reading Reading, err error) int {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.status
	s.LastDuration = now.Sub(start)
	s.LastErr = err
	if err != nil {
		s.Failures++
		s.ConsecutiveFailures++
		return s.ConsecutiveFailures
	}
	s.LastSuccess = now
	s.ConsecutiveFailures = 0
	s.Readings++
	s.NodeFailures += uint64(len(reading.Failed))
	s.Warnings += uint64(len(reading.Warnings))
	s.Dropped.Add(reading.Dropped)
	return 0
}

// delay returns the wait until the next reading, given the number of failures in a row and how long
// the last reading took.
func (c *Collector) delay(failures int, took time.Duration) time.Duration {
	period := c.schedule.Interval
	if c.Status().Readings == 0 {
		period = min(period, time.Second)
	}
	for i := 1; i < failures && period < c.schedule.MaxBackoff; i++ {
		period *= 2
	}
	if failures > 0 {
		period = min(period, c.schedule.MaxBackoff)
	}
	period += time.Duration((rand.Float64() - 0.5) * c.schedule.Jitter * float64(period))
	// A source that takes longer than its interval still gets a tenth of it to rest.
	return max(period-took, c.schedule.Interval/10)
}
