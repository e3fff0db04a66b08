// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// publishing is an engine that publishes another snapshot whenever it is asked.
func publishing() (read forecast.Reader, asked *atomic.Uint64) {
	asked = &atomic.Uint64{}
	return func() *forecast.Snapshot { return snapshotOf(asked.Add(1), 2) }, asked
}

// Whoever asks in a cycle, in whatever goroutine, for whichever pod and under a clone of the state, judges by one snapshot; the next
// cycle has one of its own.
func TestOneSnapshotPerCycle(t *testing.T) {
	read, asked := publishing()
	var begun sync.WaitGroup
	views := NewViews(func() *forecast.Snapshot {
		begun.Wait() // All others have asked, too, or are about to.
		for range 100 {
			runtime.Gosched()
		}
		return read()
	})
	var last *forecast.Snapshot
	for cycles := range uint64(3) {
		var state fwk.CycleState = framework.NewCycleState()
		all := make([]*forecast.Snapshot, 16)
		var plugins sync.WaitGroup
		begun.Add(len(all))
		for i := range all {
			plugins.Go(func() {
				begun.Done()
				all[i] = views.Snapshot(state)
			})
		}
		plugins.Wait()
		for _, s := range all {
			if s != all[0] {
				t.Fatalf("one cycle judges by the snapshots %d and %d", s.Epoch(), all[0].Epoch())
			}
		}
		pod := owned("StatefulSet", "web")
		for name, s := range map[string]*forecast.Snapshot{
			"a pod's view": views.Of(state, pod, 10).Snapshot, "another pod's": views.Of(state, owned("StatefulSet", "db"), 10).Snapshot,
			"preemption": views.Of(state.Clone(), pod, 10).Snapshot,
		} {
			if s != all[0] {
				t.Errorf("%s is by the snapshot %d, the cycle by %d", name, s.Epoch(), all[0].Epoch())
			}
		}
		if epoch, ok := EpochIn(state); !ok || epoch != all[0].Epoch() {
			t.Errorf("the state tells of the epoch %d (%v), want %d", epoch, ok, all[0].Epoch())
		}
		if all[0] == last || asked.Load() != cycles+1 {
			t.Errorf("cycle %d: a new snapshot %v, the engine was asked %d times", cycles, all[0] != last, asked.Load())
		}
		last = all[0]
	}
}

// A pod's forecast is its own, though the cycle's snapshot is all pods'.
func TestViewIsThePods(t *testing.T) {
	views := NewViews(func() *forecast.Snapshot { return snapshotOf(1, 2) })
	state := framework.NewCycleState()
	web, db := owned("StatefulSet", "web"), owned("StatefulSet", "db")
	for range 2 {
		if got, want := views.Of(state, web, 1).Pod, views.Snapshot(state).Pod(web); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got, want := views.Of(state, db, 1).Pod, views.Snapshot(state).Pod(db); got != want {
			t.Errorf("another pod: got %+v, want %+v", got, want)
		}
	}
}

// Cycles go on with the last snapshot until all who have to make a new one ready have done so, or are gone.
func TestNewSnapshotIsAwaited(t *testing.T) {
	var now atomic.Pointer[forecast.Snapshot]
	first, second := snapshotOf(1, 2), snapshotOf(2, 2)
	now.Store(first)
	views := NewViews(now.Load)
	ready := [2]bool{}
	for i := range ready {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		views.Await(ctx, func(*forecast.Snapshot) bool { return ready[i] })
	}
	gone, end := context.WithCancel(t.Context())
	views.Await(gone, func(*forecast.Snapshot) bool { return false })
	judgesBy := func(what string, want *forecast.Snapshot) {
		t.Helper()
		if got := views.Snapshot(framework.NewCycleState()); got != want || views.Epoch() != want.Epoch() {
			t.Errorf("%s: the cycle judges by the snapshot %d, want %d", what, got.Epoch(), want.Epoch())
		}
	}
	judgesBy("nothing was judged by before", first)
	now.Store(second)
	judgesBy("none is ready", first)
	ready[1] = true
	judgesBy("one is ready", first)
	ready[0] = true
	judgesBy("one that never will be is left", first)
	end()
	for deadline := time.Now().Add(time.Minute); len(*views.awaited.Load()) > len(ready); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("who is gone is still awaited")
		}
	}
	judgesBy("both are ready", second)
	ready = [2]bool{}
	judgesBy("none is asked again", second)
	now.Store(snapshotOf(3, 2))
	for i := range ready {
		ready = [2]bool{}
		ready[i] = true
		judgesBy("one of two is ready", second)
	}
}

// Without an engine nothing is known.
func TestNothingIsKnown(t *testing.T) {
	var none *Views
	for _, views := range []*Views{none, NewViews(nil)} {
		if views.Predicts() || views.Newest() != nil || views.Snapshot(framework.NewCycleState()) != nil || views.Epoch() != 0 {
			t.Errorf("%v knows something", views)
		}
	}
}
