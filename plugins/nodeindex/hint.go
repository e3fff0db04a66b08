// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"sync"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// hinted is a profile's framework that gives the index's hint instead of that of batching. Upstream
// makes no promise about GetNodeHint and StoreScheduleResults, so everything that depends on them
// is in this file. The goroutine that schedules writes the fields. The filters of a cycle, which
// run in other goroutines, read them.
type hinted struct {
	framework.Framework
	index *Index
	terms *terms.Terms

	// Of the cycle in hand.
	begun  bool   // and not yet asked for a hint
	named  bool   // PreFilter has named the nodes that come into question
	hint   string // that the index gave, "" for none
	judged bool   // the filters have judged the hinted node
	// uncounted is true while upstream has not counted the pods that the pod's terms match.
	// counting is held while it does.
	uncounted atomic.Bool
	counting  sync.Mutex

	uncountedPods int
}

var _ framework.Framework = &hinted{}

// RunPreFilterPlugins begins a cycle.
func (h *hinted) RunPreFilterPlugins(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string]) {
	if h.begun {
		// Upstream no longer asks: the seam is broken.
		h.index.metrics.bypass(h.ProfileName(), reasonUnasked)
	}
	h.begun, h.named, h.hint, h.judged = false, false, "", false
	h.uncounted.Store(false)
	result, status, plugins, ok := h.preFilterUncounted(ctx, state, pod)
	if !ok {
		result, status, plugins = h.Framework.RunPreFilterPlugins(ctx, state, pod)
	}
	h.begun, h.named = status.IsSuccess(), !result.AllNodes()
	return result, status, plugins
}

// GetNodeHint returns the best of all nodes if the index can tell, otherwise the hint of upstream's
// batching.
func (h *hinted) GetNodeHint(ctx context.Context, pod *v1.Pod, signature fwk.PodSignature, state fwk.CycleState, cycle int64) string {
	h.begun = false
	if h.uncounted.Load() {
		h.index.metrics.uncounted.WithLabelValues(h.ProfileName()).Inc()
		return h.hint
	}
	answer := h.ask(pod, state)
	if h.hint = answer.hint(); h.hint != "" {
		return h.hint
	}
	if answer.says {
		h.index.metrics.searched(h.ProfileName(), resultNone)
	} else {
		h.index.metrics.bypass(h.ProfileName(), answer.why)
	}
	return h.Framework.GetNodeHint(ctx, pod, signature, state, cycle)
}

// ask returns the index's answer for the pod and passes it on to tell.
func (h *hinted) ask(pod *v1.Pod, state fwk.CycleState) answer {
	a := h.answer(pod, state)
	if h.index.tell != nil {
		h.index.tell(a.told())
	}
	return a
}

func (h *hinted) answer(pod *v1.Pod, state fwk.CycleState) answer {
	if why := h.bypass(pod, state); why != "" {
		return unanswered(why)
	}
	if !h.index.sync(h.SnapshotSharedLister().NodeInfos(), state.IsPodGroupSchedulingCycle()) {
		return unanswered(terms.ReasonSnapshot)
	}
	return h.index.answer(h.terms, pod, state)
}

// bypass returns the reason why the index is not asked, or "".
func (h *hinted) bypass(pod *v1.Pod, state fwk.CycleState) terms.Reason {
	switch {
	case state.IsPodGroupSchedulingCycle() && !h.index.groups.follows(h.SnapshotSharedLister()):
		return reasonGroup
	case pod.Status.NominatedNodeName != "":
		return reasonNominated
	case h.named || pod.Spec.NodeName != "":
		return reasonNamed
	}
	for _, e := range h.Extenders() {
		if e.IsInterested(pod) && (e.IsFilter() || e.IsPrioritizer()) {
			return reasonExtender
		}
	}
	return ""
}

// StoreScheduleResults counts whether the hint was accepted.
func (h *hinted) StoreScheduleResults(ctx context.Context, signature fwk.PodSignature, hintedNode, chosenNode string, others framework.SortedScoredNodes, cycle int64) {
	switch h.hint {
	case "":
	case chosenNode:
		// Batching must not see it, since it would continue with scores of nodes that have changed.
		h.index.metrics.searched(h.ProfileName(), resultAccepted)
		return
	default:
		h.index.metrics.searched(h.ProfileName(), resultRefused)
		hintedNode = ""
	}
	h.Framework.StoreScheduleResults(ctx, signature, hintedNode, chosenNode, others, cycle)
}

// RunFilterPluginsWithNominatedPods notes which plugin refuses the hint. It makes upstream count in
// two cases for which the index's counts do not suffice: for nodes other than the hinted one, and
// if pods are nominated to that one.
func (h *hinted) RunFilterPluginsWithNominatedPods(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node fwk.NodeInfo) *fwk.Status {
	first := h.hint != "" && !h.judged && node.Node().Name == h.hint
	if !first || len(h.NominatedPodsForNode(h.hint)) > 0 {
		if status := h.count(ctx, state, pod); !status.IsSuccess() {
			return status
		}
	}
	status := h.Framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
	if !first {
		return status
	}
	h.judged = true // alone, and before any other node is
	if status.IsSuccess() {
		return status
	}
	h.index.metrics.refuse(h.ProfileName(), status.Plugin())
	if failed := h.count(ctx, state, pod); !failed.IsSuccess() {
		return failed
	}
	return status
}
