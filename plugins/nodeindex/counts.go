// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
)

// For every pod with hard spread constraints or required inter-pod terms, upstream's PreFilter
// counts the pods of the whole cluster: that takes milliseconds, for one hinted node. The index
// keeps these counts, and the hinted node passes by them. So PreFilter runs on the pod without
// these constraints and terms, and on the whole pod only if upstream looks beyond the hinted node.
// Upstream's plugins judge everything else about that node as ever, including the required
// anti-affinity of placed pods.

// recountEvery is the number of such pods of which upstream still counts one, so that an error of
// the index would show as a refusal.
const recountEvery = 256

// preFilterUncounted begins a cycle without upstream's counts. It requires that the index has a
// hint for the pod and has proven everything that upstream was not shown. It returns false if
// PreFilter must run on the whole pod.
func (h *hinted) preFilterUncounted(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string], bool) {
	left := h.terms.Counts(pod)
	// For a pod of a group upstream counts, since upstream decides what reads its state later in
	// the group's cycle.
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

// count makes upstream count after all, if it has not.
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
