// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// waiting is how many decisions wait to be evaluated. On a small cluster a Deployment of as many replicas is evaluated whole; on a
// large one, where an evaluation takes tens of milliseconds, more would be evaluated long after.
const waiting = 64

// busy is how many decisions in a second make a scheduler busy. Nothing is evaluated then: evaluating copies nodes while the scheduler
// waits, and the CPU that it takes is the scheduler's.
const busy = 100

// Background evaluates decisions as they come, as many as its share of a CPU allows, and lets the others go. While the scheduler is busy
// it lets all go.
type Background struct {
	evaluator *Evaluator
	share     float64
	offers    chan offer

	evaluated, failed, passed atomic.Uint64

	second atomic.Int64 // when the second began that is counted, Unix nanoseconds
	within atomic.Int64 // decisions in it
}

type offer struct {
	kept       *decision.Kept
	pod        *v1.Pod
	generation int64
}

// NewBackground returns one that takes that share of a CPU, 0–1. With none it evaluates nothing.
func NewBackground(e *Evaluator, share float64) *Background {
	return &Background{evaluator: e, share: share, offers: make(chan offer, waiting)}
}

// Wants says whether a decision that is offered would be evaluated. Only the goroutine that schedules may ask, once a decision.
func (b *Background) Wants() bool {
	if now := time.Now().UnixNano(); now-b.second.Load() >= int64(time.Second) {
		b.second.Store(now)
		b.within.Store(0)
	}
	b.within.Add(1)
	if b.share > 0 && !b.busy() && len(b.offers) < cap(b.offers) {
		return true
	}
	b.passed.Add(1)
	return false
}

func (b *Background) busy() bool {
	return b.within.Load() > busy && time.Now().UnixNano()-b.second.Load() < int64(time.Second)
}

// Offer offers a decision. It does not wait.
func (b *Background) Offer(k *decision.Kept, pod *v1.Pod, generation int64) {
	select {
	case b.offers <- offer{k, pod, generation}:
	default:
		b.passed.Add(1)
	}
}

// Counts returns how many decisions were evaluated since the start, how many evaluations failed, and for how many there was no time.
func (b *Background) Counts() (evaluated, failed, passed uint64) {
	return b.evaluated.Load(), b.failed.Load(), b.passed.Load()
}

// saved is how much of its share it may save up for when decisions come in a burst: a small cluster's Deployment is then evaluated at
// once, and a large cluster's backlog does not pay more than its share for long.
const saved = 100 * time.Millisecond

// Of more than large nodes an evaluation takes longer than a binding, so that no event waits for it, and the first one much longer. It
// begins when the pod has proven in calm not to be the first of a burst.
const (
	large = 1000
	calm  = 200 * time.Millisecond
)

// Run evaluates until ctx ends.
func (b *Background) Run(ctx context.Context) {
	if !(b.share > 0) {
		return
	}
	credit, since := time.Duration(0), time.Now()
	for {
		var o offer
		select {
		case <-ctx.Done():
			return
		case o = <-b.offers:
		}
		record := o.kept.Bare()
		if record.Nodes > large {
			select {
			case <-ctx.Done():
				return
			case <-time.After(calm):
			}
		}
		if b.busy() {
			b.passed.Add(1)
			continue
		}
		start := time.Now()
		e, err := b.evaluator.Evaluate(ctx, Question{Pod: o.pod, Profile: record.Profile, Chosen: record.Node, Since: o.generation})
		if err != nil {
			b.failed.Add(1)
			klog.FromContext(ctx).V(4).Info("A decision was not evaluated", "pod", klog.KObj(o.pod), "reason", err.Error())
		} else {
			o.kept.Evaluated(e)
			b.evaluated.Add(1)
		}
		// What it has earned since it last looked, less what it took, and as much again for the garbage that it left.
		now := time.Now()
		credit = min(saved, credit+time.Duration(b.share*float64(now.Sub(since)))) - 2*now.Sub(start)
		since = now
		if credit >= 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(float64(-credit) / b.share)):
		}
	}
}
