// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
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

// knownPreFilters are plugins of which none but PodTopologySpread and InterPodAffinity reads
// what withoutTerms leaves out. One that is not known may.
var knownPreFilters = []string{
	affinityName, taintsName, resourceFitName, "PredictedQoS",
	names.NodeAffinity, names.NodePorts, names.NodeResourcesFit, names.VolumeRestrictions, names.NodeVolumeLimits,
	names.VolumeBinding, names.VolumeZone, names.DynamicResources, names.PodTopologySpread, names.InterPodAffinity,
	names.NodeDeclaredFeatures, names.TaintToleration, names.NodeName, names.NodeUnschedulable,
}

// counts says whether upstream's PreFilter would count pods for this one that the index has
// counted.
func (p *policy) counts(pod *v1.Pod) bool {
	if p.unknown != "" || p.recounts {
		return false
	}
	for i := range pod.Spec.TopologySpreadConstraints {
		if pod.Spec.TopologySpreadConstraints[i].WhenUnsatisfiable == v1.DoNotSchedule {
			return true
		}
	}
	a := pod.Spec.Affinity
	return a != nil && (a.PodAffinity != nil && len(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0 ||
		a.PodAntiAffinity != nil && len(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0)
}

// readRecounts notes whether the profile has upstream count in any case: a plugin that is not
// known, or hard constraints by default, which a pod that loses its own would get.
func (p *policy) readRecounts(preFilters []string) {
	for _, name := range preFilters {
		p.recounts = p.recounts || !slices.Contains(knownPreFilters, name)
	}
	for i := range p.spreadDefaults {
		p.recounts = p.recounts || p.spreadDefaults[i].WhenUnsatisfiable == v1.DoNotSchedule
	}
}

// withoutTerms returns the pod without spread constraints and inter-pod terms.
func withoutTerms(pod *v1.Pod) *v1.Pod {
	light := *pod
	light.Spec.TopologySpreadConstraints = nil
	if a := pod.Spec.Affinity; a != nil {
		light.Spec.Affinity = &v1.Affinity{NodeAffinity: a.NodeAffinity}
	}
	return &light
}

// preFilterUncounted begins a cycle without upstream's counts, where the index has a hint
// for the pod. It returns false where PreFilter must run on the whole pod.
func (h *hinted) preFilterUncounted(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string], bool) {
	if !h.policy.counts(pod) || h.bypass(pod, state) != "" {
		return nil, nil, nil, false
	}
	if h.uncountedPods++; h.uncountedPods%recountEvery == 0 {
		return nil, nil, nil, false
	}
	result, status, plugins := h.Framework.RunPreFilterPlugins(ctx, state, withoutTerms(pod))
	if !status.IsSuccess() || !result.AllNodes() || !h.index.sync(h.SnapshotSharedLister().NodeInfos()) {
		return nil, nil, nil, false
	}
	h.hint, _ = h.index.best(h.policy, pod, state)
	h.uncounted.Store(h.hint != "")
	return result, status, plugins, h.hint != ""
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
