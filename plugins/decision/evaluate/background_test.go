// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// A scheduler that is busy is not slowed down: what it decides is not evaluated until it is quiet again. Without a share of a CPU
// nothing ever is.
func TestBusySchedulersAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBackground(nil, .02)
		time.Sleep(time.Hour)
		for i := range busy {
			if !b.Wants() {
				t.Fatalf("decision %d of a second is not wanted", i)
			}
		}
		if b.Wants() {
			t.Errorf("decision %d of a second is wanted", busy+1)
		}
		time.Sleep(time.Second)
		if !b.Wants() {
			t.Error("a second later none is wanted")
		}
		if _, _, passed := b.Counts(); passed != 1 {
			t.Errorf("%d passed", passed)
		}
		none := NewBackground(nil, 0)
		none.Run(t.Context())
		if none.Wants() {
			t.Error("without a share one is wanted")
		}
	})
}

// On a large cluster the first pod of a burst is not evaluated: the evaluation would take longer than the burst's first pods, and from the
// scheduler's time.
func TestBurstsOnLargeClustersAreNotEvaluated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := decision.NewRing(1000, 1<<20)
		b := NewBackground(nil, .02) // Without an evaluator: to evaluate anything would panic.
		go b.Run(t.Context())
		time.Sleep(time.Hour)
		for range 2 * busy {
			k := ring.Add(decision.Record{Nodes: 5000})
			if b.Wants() {
				b.Offer(k, &v1.Pod{}, 1)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(calm)
		if _, _, passed := b.Counts(); passed < 2*busy-waiting {
			t.Errorf("%d of %d passed", passed, 2*busy)
		}
	})
}
