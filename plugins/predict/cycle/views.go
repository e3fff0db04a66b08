// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Views give each scheduling cycle its one view of what is forecast: the plugin that asks first takes the snapshot, and all others
// of the cycle read that one, whatever the engine publishes meanwhile. What a node's pods add up to is kept once for all of them. The
// plugins of a process share one, made by NewViews.
type Views struct {
	// Verdicts of the plugins that refuse nodes by these views.
	Verdicts verdict.Verdicts

	read   forecast.Reader
	loads  Loads
	taking sync.Mutex
	last   *forecast.Snapshot // that was taken; taking is held
	// awaited is replaced and never written to.
	awaited atomic.Pointer[[]*Ready]
}

// Ready says of a snapshot whether its asker can judge by it without delay, and has it made ready otherwise. It is asked once a
// cycle, and must not block.
type Ready func(*forecast.Snapshot) bool

// NewViews returns views of what read returns; nil knows nothing.
func NewViews(read forecast.Reader) *Views { return &Views{read: read} }

// Predicts says whether there can be anything to read.
func (v *Views) Predicts() bool { return v != nil && v.read != nil }

// Newest returns the newest snapshot, for what is done beside the scheduling cycles; nil knows nothing.
func (v *Views) Newest() *forecast.Snapshot {
	if !v.Predicts() {
		return nil
	}
	return v.read()
}

// Await has cycles go on with the snapshot they had until a new one is ready, and ends with ctx. Who adds up all nodes of a large
// cluster does so beside the cycles, and no plugin may be ahead of it.
func (v *Views) Await(ctx context.Context, ready Ready) {
	change := func(with func([]*Ready) []*Ready) {
		v.taking.Lock()
		defer v.taking.Unlock()
		var all []*Ready
		if now := v.awaited.Load(); now != nil {
			all = slices.Clone(*now)
		}
		all = with(all)
		v.awaited.Store(&all)
	}
	change(func(all []*Ready) []*Ready { return append(all, &ready) })
	context.AfterFunc(ctx, func() {
		change(func(all []*Ready) []*Ready {
			return slices.DeleteFunc(all, func(r *Ready) bool { return r == &ready })
		})
	})
}

// taken is the cycle's view in its state. It holds for whichever pod the cycle is about.
type taken struct {
	snapshot *forecast.Snapshot
	pod      atomic.Pointer[podView] // the last one that was asked about
}

type podView struct {
	pod  *v1.Pod
	view View
}

const takenKey fwk.StateKey = "Forecasts"

// Clone shares the state: the snapshot of a cycle never changes.
func (t *taken) Clone() fwk.StateData { return t }

// Snapshot returns what the cycle judges by; nil knows nothing. Plugins may ask at the same time.
func (v *Views) Snapshot(state fwk.CycleState) *forecast.Snapshot {
	if !v.Predicts() {
		return nil
	}
	return v.in(state).snapshot
}

func (v *Views) in(state fwk.CycleState) *taken {
	if t := cyclestate.Of[*taken](state, takenKey); t != nil {
		return t
	}
	v.taking.Lock()
	defer v.taking.Unlock()
	if t := cyclestate.Of[*taken](state, takenKey); t != nil {
		return t
	}
	t := &taken{snapshot: v.next()}
	state.Write(takenKey, t)
	return t
}

// next is what the next cycle is to judge by. The lock is held.
func (v *Views) next() *forecast.Snapshot {
	newest := v.read()
	if newest == v.last {
		return newest
	}
	if all := v.awaited.Load(); all != nil && v.last != nil {
		ready := true
		for _, r := range *all {
			ready = (*r)(newest) && ready // each is to know of it
		}
		if !ready {
			return v.last
		}
	}
	v.last = newest
	return newest
}

// Loads are the sums over nodes' pods that all plugins share.
func (v *Views) Loads() *Loads { return &v.loads }

// Epoch of what the next cycle judges by.
func (v *Views) Epoch() uint64 {
	if !v.Predicts() {
		return 0
	}
	v.taking.Lock()
	defer v.taking.Unlock()
	return v.next().Epoch()
}

// Of returns the cycle's view for a pod, whose forecast is looked up once. Call it in PreFilter, with how many nodes there are.
func (v *Views) Of(state fwk.CycleState, pod *v1.Pod, nodes int) View {
	if !v.Predicts() {
		return View{Loads: &v.loads}
	}
	t := v.in(state)
	if known := t.pod.Load(); known != nil && known.pod == pod {
		return known.view
	}
	v.loads.Forget(nodes)
	predicted := t.snapshot.Pod(pod)
	p := &podView{pod: pod, view: View{Snapshot: t.snapshot, Pod: predicted, Horizon: predicted.Horizon(), Loads: &v.loads}}
	t.pod.Store(p)
	return p.view
}

// Retry has pods that a prediction refused tried again, until ctx ends; see refused.Pods.
func (v *Views) Retry(ctx context.Context, h fwk.Handle) {
	v.Verdicts.Refused.Reactivate(ctx, v.Epoch, h.Activate)
}

// EpochIn returns the epoch of the snapshot that the cycle judged by, and whether any plugin took one.
func EpochIn(state fwk.CycleState) (epoch uint64, ok bool) {
	if t := cyclestate.Of[*taken](state, takenKey); t != nil {
		return t.snapshot.Epoch(), true
	}
	return 0, false
}
