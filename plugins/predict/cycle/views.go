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

// Views are the source of each scheduling cycle's one view of the forecasts. The first plugin that
// asks in a cycle takes the snapshot. All others in that cycle read the same one, whatever the
// engine publishes meanwhile. The sums over the pods of nodes are kept once for all plugins. The
// plugins of a process share one Views, made by NewViews.
type Views struct {
	// Verdicts are shared by the plugins that refuse nodes by these views.
	Verdicts verdict.Verdicts

	read   forecast.Reader
	loads  Loads
	taking sync.Mutex
	last   *forecast.Snapshot // that was taken; taking is held
	// awaited points to a slice that is replaced and never changed.
	awaited atomic.Pointer[[]*Ready]
}

// Ready reports whether its owner can judge by the snapshot without delay. If not, it begins to
// prepare for the snapshot. It is called once a cycle and must not block.
type Ready func(*forecast.Snapshot) bool

// NewViews returns views of the snapshots that read returns. If read is nil, nothing is known.
func NewViews(read forecast.Reader) *Views { return &Views{read: read} }

// Predicts reports whether there is a source of snapshots.
func (v *Views) Predicts() bool { return v != nil && v.read != nil }

// Newest returns the newest snapshot, for work outside the scheduling cycles. It is nil if nothing
// is known.
func (v *Views) Newest() *forecast.Snapshot {
	if !v.Predicts() {
		return nil
	}
	return v.read()
}

// Await makes cycles keep their last snapshot until ready returns true for a new one. It ends with
// ctx. It is for a plugin that adds up all nodes of a large cluster outside the cycles: no other
// plugin may be ahead of it.
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

// taken is the cycle's view, kept in its state. It holds for every pod of the cycle.
type taken struct {
	snapshot *forecast.Snapshot
	pod      atomic.Pointer[podView] // the last one that was asked about
}

type podView struct {
	pod  *v1.Pod
	view View
}

const takenKey fwk.StateKey = "Forecasts"

// Clone returns the same state, since the snapshot of a cycle never changes.
func (t *taken) Clone() fwk.StateData { return t }

// Snapshot returns the snapshot that the cycle judges by, or nil if nothing is known. It is safe
// for concurrent use.
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

// next returns the snapshot for the next cycle. The caller holds the lock.
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

// Loads returns the sums over the pods of nodes that all plugins share.
func (v *Views) Loads() *Loads { return &v.loads }

// Epoch returns the epoch of the snapshot that the next cycle judges by.
func (v *Views) Epoch() uint64 {
	if !v.Predicts() {
		return 0
	}
	v.taking.Lock()
	defer v.taking.Unlock()
	return v.next().Epoch()
}

// Of returns the cycle's view for a pod. The pod's forecast is looked up once. Call it in PreFilter
// with the number of nodes.
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

// Retry makes the scheduler try pods again that a prediction refused, until ctx ends; see
// refused.Pods.
func (v *Views) Retry(ctx context.Context, h fwk.Handle) {
	v.Verdicts.Refused.Reactivate(ctx, v.Epoch, h.Activate)
}

// EpochIn returns the epoch of the snapshot that the cycle judged by, and whether any plugin took
// one.
func EpochIn(state fwk.CycleState) (epoch uint64, ok bool) {
	if t := cyclestate.Of[*taken](state, takenKey); t != nil {
		return t.snapshot.Epoch(), true
	}
	return 0, false
}
