// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
)

// Upstream's PreFilter counts the pods of the whole cluster for every pod that has hard
// spread constraints or required inter-pod terms: milliseconds, for one hinted node. The
// index has kept these counts, and by them the hinted node passes. So PreFilter is run on
// the pod without what is counted, and with it only where upstream looks further than the
// hinted node. Its plugins judge all else about that node as ever, placed pods' required
// anti-affinity included.

// recountEvery such pods one is counted by upstream nevertheless, so that a fault of ours
// would show as a refusal.
const recountEvery = 256

// preFilterUncounted begins a cycle without upstream's counts, where the index has a hint for
// the pod and has proven all that upstream was not shown. It returns false where PreFilter
// must run on the whole pod.
func (h *hinted) preFilterUncounted(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string], bool) {
	left := h.terms.Counts(pod)
	// For a group's pod upstream counts: what reads its state later in the group's cycle is upstream's to choose.
	if len(left) == 0 || state.IsPodGroupSchedulingCycle() || h.bypass(pod, state) != "" {
		return nil, nil, nil, false
	}
	if h.uncountedPods++; h.uncountedPods%recountEvery == 0 {
		return nil, nil, nil, false
	}
	result, status, plugins := h.Framework.RunPreFilterPlugins(ctx, state, h.terms.Without(pod))
	if !status.IsSuccess() || !result.AllNodes() {
		return nil, nil, nil, false
	}
	answer := h.ask(pod, state)
	if answer.hint() == "" || !answer.proof.Covers(left) {
		return nil, nil, nil, false
	}
	h.hint = answer.hint()
	h.uncounted.Store(true)
	return result, status, plugins, true
}

// count has upstream count after all, where it has not.
func (h *hinted) count(ctx context.Context, state fwk.CycleState, pod *v1.Pod) *fwk.Status {
	if !h.uncounted.Load() {
		return nil
	}
	h.counting.Lock()
	defer h.counting.Unlock()
	if !h.uncounted.Load() {
		return nil
	}
	_, status, _ := h.Framework.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		return fwk.AsStatus(status.AsError())
	}
	h.uncounted.Store(false)
	return nil
}
