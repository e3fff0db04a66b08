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

// hinted is a profile's framework with the index's hint in place of batching's. Upstream
// gives no promise about GetNodeHint and StoreScheduleResults, so all that hangs on them is
// in this file. The goroutine that schedules writes the fields; filters of a cycle, which
// run in others, read them.
type hinted struct {
	framework.Framework
	index *Index
	terms *terms.Terms

	// Of the cycle in hand.
	begun  bool   // and not yet asked for a hint
	named  bool   // PreFilter has named the nodes that come into question
	hint   string // that the index gave, "" for none
	judged bool   // the filters have judged the hinted node
	// uncounted: upstream has not counted the pods that the pod's terms match. counting is held
	// while it does.
	uncounted atomic.Bool
	counting  sync.Mutex

	uncountedPods int
}

var _ framework.Framework = &hinted{}

// RunPreFilterPlugins begins a cycle.
func (h *hinted) RunPreFilterPlugins(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string]) {
	if h.begun {
		// Upstream has ceased to ask: the seam is broken.
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

// GetNodeHint returns the best of all nodes where the index can tell, else what upstream's
// batching knows.
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

// ask has the index answer for the pod, and tells what it said.
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

// bypass returns the reason for which the index is not asked.
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

// StoreScheduleResults learns what became of the hint.
func (h *hinted) StoreScheduleResults(ctx context.Context, signature fwk.PodSignature, hintedNode, chosenNode string, others framework.SortedScoredNodes, cycle int64) {
	switch h.hint {
	case "":
	case chosenNode:
		// Batching must not see it: it would go on with scores of nodes that have changed.
		h.index.metrics.searched(h.ProfileName(), resultAccepted)
		return
	default:
		h.index.metrics.searched(h.ProfileName(), resultRefused)
		hintedNode = ""
	}
	h.Framework.StoreScheduleResults(ctx, signature, hintedNode, chosenNode, others, cycle)
}

// RunFilterPluginsWithNominatedPods notes which plugin refuses the hint, and has upstream
// count where the index's counts will not do: for other nodes than the hinted one, and with
// pods that are nominated to it.
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
