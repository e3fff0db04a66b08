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
// what is left out. One that is not known may.
var knownPreFilters = []string{
	affinityName, taintsName, resourceFitName, "PredictedQoS",
	names.NodeAffinity, names.NodePorts, names.NodeResourcesFit, names.VolumeRestrictions, names.NodeVolumeLimits,
	names.VolumeBinding, names.VolumeZone, names.DynamicResources, names.PodTopologySpread, names.InterPodAffinity,
	names.NodeDeclaredFeatures, names.TaintToleration, names.NodeName, names.NodeUnschedulable,
}

// leftOut are constraints and terms of a pod that upstream is not shown.
type leftOut struct {
	spread   []*v1.TopologySpreadConstraint
	required []*v1.PodAffinityTerm // anti-affinity first
}

// counts returns what upstream's PreFilter would count pods for and the index may have counted:
// hard spread constraints and required inter-pod terms.
func (p *policy) counts(pod *v1.Pod) (left leftOut) {
	if p.unknown != "" || p.recounts {
		return leftOut{}
	}
	if p.filtersSpread {
		for i := range pod.Spec.TopologySpreadConstraints {
			if c := &pod.Spec.TopologySpreadConstraints[i]; c.WhenUnsatisfiable == v1.DoNotSchedule {
				left.spread = append(left.spread, c)
			}
		}
	}
	if a := pod.Spec.Affinity; p.filtersPodAffinity && a != nil {
		if a.PodAntiAffinity != nil {
			left.required = appendTerms(left.required, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		}
		if a.PodAffinity != nil {
			left.required = appendTerms(left.required, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		}
	}
	return left
}

func appendTerms(to []*v1.PodAffinityTerm, terms []v1.PodAffinityTerm) []*v1.PodAffinityTerm {
	for i := range terms {
		to = append(to, &terms[i])
	}
	return to
}

func (l *leftOut) none() bool { return len(l.spread) == 0 && len(l.required) == 0 }

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

// of returns the pod without what is left out.
func (l *leftOut) of(pod *v1.Pod) *v1.Pod {
	light := *pod
	if len(l.spread) > 0 {
		light.Spec.TopologySpreadConstraints = nil
		for i := range pod.Spec.TopologySpreadConstraints {
			if c := &pod.Spec.TopologySpreadConstraints[i]; c.WhenUnsatisfiable != v1.DoNotSchedule {
				light.Spec.TopologySpreadConstraints = append(light.Spec.TopologySpreadConstraints, *c)
			}
		}
	}
	if len(l.required) > 0 {
		a := *pod.Spec.Affinity
		if a.PodAffinity != nil {
			a.PodAffinity = &v1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution}
		}
		if a.PodAntiAffinity != nil {
			a.PodAntiAffinity = &v1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution}
		}
		light.Spec.Affinity = &a
	}
	return &light
}

// preFilterUncounted begins a cycle without upstream's counts, where the index has a hint for
// the pod and has proven all that upstream was not shown. It returns false where PreFilter
// must run on the whole pod.
func (h *hinted) preFilterUncounted(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string], bool) {
	left := h.policy.counts(pod)
	if left.none() || h.bypass(pod, state) != "" {
		return nil, nil, nil, false
	}
	if h.uncountedPods++; h.uncountedPods%recountEvery == 0 {
		return nil, nil, nil, false
	}
	result, status, plugins := h.Framework.RunPreFilterPlugins(ctx, state, left.of(pod))
	if !status.IsSuccess() || !result.AllNodes() {
		return nil, nil, nil, false
	}
	answer := h.ask(pod, state)
	if answer.hint() == "" || !answer.proof.covers(left) {
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
