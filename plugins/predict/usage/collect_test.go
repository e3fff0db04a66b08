// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

// scripted is a source that does what it is told.
type scripted func(context.Context) (Reading, error)

func (scripted) Name() string                                { return "scripted" }
func (s scripted) Read(ctx context.Context) (Reading, error) { return s(ctx) }
func one(at time.Time) Reading {
	s := sampleAt(at, map[Quantity]float64{CPU: 1})
	return Reading{Nodes: []NodeSample{{Node: "n", Sample: s}}}
}

func collector(t *testing.T, source Source, schedule Schedule) *Collector {
	t.Helper()
	c, err := NewCollector(source, NewCleaner(DefaultBounds(), nil), schedule, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The time in these tests is that of a synctest bubble: it stands still while anything
// runs, so starts can be compared exactly.

func TestCollectorReadsAtItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var starts []time.Duration
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			starts = append(starts, time.Since(begin))
			time.Sleep(3 * time.Second) // A reading that takes time delays no start.
			return one(time.Now()), nil
		}), Schedule{Interval: 10 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
		defer cancel()
		delivered := 0
		c.Run(ctx, func(r Reading) { delivered += len(r.Nodes) })
		if len(starts) != 4 || starts[3] != 30*time.Second || delivered != 4 {
			t.Errorf("starts %v, %d delivered", starts, delivered)
		}
		s := c.Status()
		if s.Readings != 4 || s.Failures != 0 || s.LastDuration != 3*time.Second || !s.LastSuccess.Equal(begin.Add(33*time.Second)) {
			t.Errorf("status %+v", s)
		}
	})
}

// A reading that outlasts the interval is neither overlapped nor followed by a burst.
func TestCollectorNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		var starts []time.Time
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			if running.Add(1) != 1 {
				t.Error("two readings at a time")
			}
			starts = append(starts, time.Now())
			time.Sleep(25 * time.Second)
			return one(time.Now()), nil
		}), Schedule{Interval: 10 * time.Second, Timeout: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		c.Run(ctx, func(Reading) { time.Sleep(5 * time.Second); running.Add(-1) })
		for i := range starts[1:] {
			if d := starts[i+1].Sub(starts[i]); d != 31*time.Second {
				t.Errorf("start %d came after %v", i+1, d)
			}
		}
	})
}

func TestCollectorBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var starts []time.Duration
		broken := errors.New("broken")
		var before Status
		var c *Collector
		c = collector(t, scripted(func(context.Context) (Reading, error) {
			starts = append(starts, time.Since(begin))
			switch len(starts) {
			case 7:
				before = c.Status()
				fallthrough
			case 1:
				return one(time.Now()), nil
			}
			return Reading{}, broken
		}), Schedule{Interval: 10 * time.Second, MaxBackoff: 40 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		delivered := 0
		c.Run(ctx, func(Reading) {
			if delivered++; delivered == 2 {
				cancel()
			}
		})
		want := []time.Duration{0, 10, 20, 40, 80, 120, 160}
		for i := range want {
			if len(starts) != len(want) || starts[i] != want[i]*time.Second {
				t.Fatalf("starts %v", starts)
			}
		}
		if before.ConsecutiveFailures != 5 || !errors.Is(before.LastErr, broken) || !before.LastSuccess.Equal(begin) {
			t.Errorf("status before the success: %+v", before)
		}
		s := c.Status()
		if delivered != 2 || s.ConsecutiveFailures != 0 || s.Failures != 5 || s.LastErr != nil {
			t.Errorf("%d delivered, status %+v", delivered, s)
		}
	})
}

// What starts before its source is served need not wait for intervals to find it.
func TestCollectorAsksSoonAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var starts []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			if starts = append(starts, time.Since(begin)/time.Second); len(starts) == 8 {
				cancel()
			}
			return Reading{}, errors.New("not served yet")
		}), Schedule{Interval: 10 * time.Second, MaxBackoff: 40 * time.Second})
		c.Run(ctx, func(Reading) {})
		if want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 103}; !slices.Equal(starts, want) {
			t.Errorf("starts %v, want %v", starts, want)
		}
	})
}

func TestCollectorJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last time.Time
		distinct := map[time.Duration]bool{}
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			if !last.IsZero() {
				d := time.Since(last)
				distinct[d] = true
				if d < 9*time.Second || d > 11*time.Second {
					t.Errorf("came after %v", d)
				}
			}
			last = time.Now()
			return one(last), nil
		}), Schedule{Interval: 10 * time.Second, Jitter: 0.2})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		c.Run(ctx, func(Reading) {})
		if len(distinct) < 10 {
			t.Errorf("only %d different waits", len(distinct))
		}
	})
}

// The end of its context ends a collector in the midst of a reading, and is no failure
// of the source.
func TestCollectorEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := scripted(func(ctx context.Context) (Reading, error) {
			<-ctx.Done()
			return Reading{}, ctx.Err()
		})
		c := collector(t, hangs, Schedule{Interval: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		c.Run(ctx, func(Reading) { t.Error("delivered") })
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("ended after %v", d)
		}
		if s := c.Status(); s.Failures != 0 {
			t.Errorf("status %+v", s)
		}

		// Its own timeout, in contrast, is the source's failure.
		c = collector(t, hangs, Schedule{Interval: time.Minute, Timeout: 5 * time.Second})
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.Run(ctx, func(Reading) { t.Error("delivered") })
		if s := c.Status(); s.Failures != 1 || !errors.Is(s.LastErr, context.DeadlineExceeded) {
			t.Errorf("status %+v", s)
		}
	})
}

func TestCollectorEndsWithItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			if reads++; reads == 3 {
				return Reading{}, ErrEnd
			}
			return one(time.Now()), nil
		}), Schedule{Interval: time.Second})
		c.Run(t.Context(), func(Reading) {})
		if s := c.Status(); s.Readings != 2 || s.Failures != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// A server that closes its connections, as one does that is started again, is asked again.
func TestConnectionsThatEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			if reads++; reads <= 2 {
				return Reading{}, errors.Join(errors.New("node-0"), &url.Error{Op: "Post", URL: "http://prometheus", Err: io.EOF})
			}
			return one(time.Now()), nil
		}), Schedule{Interval: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.Run(ctx, func(Reading) {})
		if s := c.Status(); s.Readings == 0 || s.Failures != 2 {
			t.Errorf("status %+v", s)
		}
	})
}

// What a partial reading missed and what the cleaner dropped shows in the status.
func TestCollectorCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		c := collector(t, scripted(func(context.Context) (Reading, error) {
			r := one(at) // The same sample each time.
			r.Failed = []Failure{{Node: "m", Err: io.ErrUnexpectedEOF}}
			r.Dropped[CounterReset] = 2
			return r, nil
		}), Schedule{Interval: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		c.Run(ctx, func(Reading) {})
		if s := c.Status(); s.Readings != 3 || s.NodeFailures != 3 || s.Dropped[CounterReset] != 6 || s.Dropped[Duplicate] != 2 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestScheduleIsValidated(t *testing.T) {
	for _, s := range []Schedule{
		{}, {Interval: -1}, {Interval: 1, Jitter: 2}, {Interval: 1, Jitter: -1}, {Interval: 1, Timeout: -1},
		{Interval: 2, MaxBackoff: 1},
	} {
		if _, err := NewCollector(scripted(nil), nil, s, clock.RealClock{}); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}
