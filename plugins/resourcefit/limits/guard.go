// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package limits is a guard on how far the sum of limits on a node may pass its allocatable.
package limits

import (
	"fmt"
	"maps"
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
)

const stateKey = "PreFilterLimitsResourceFit"

// Guard bounds the sum of limits on a node. All vectors have one place per guarded
// resource, in milli-units for cpu and whole units else.
type Guard struct {
	mode    config.LimitsGuardMode
	bounds  []bound
	options resource.PodResourcesOptions
	sums    pernode.Cache[[]int64]
	// rows are of the nodes that the node index asks about.
	rows judge.Rows[[]share]
}

type bound struct {
	resource v1.ResourceName
	percent  int64
	reason   string
}

// Pod are a pod's limits; in the cycle state those of the pod in hand.
type Pod []int64

// Clone shares the state: nothing changes it.
func (p Pod) Clone() fwk.StateData { return p }

// New returns nil where the guard is off.
func New(args *config.LimitsGuard, fts feature.Features) *Guard {
	if args.Mode == config.LimitsGuardNone {
		return nil
	}
	g := &Guard{mode: args.Mode, options: resource.PodResourcesOptions{
		SkipPodLevelResources:                          !fts.EnablePodLevelResources,
		InPlacePodLevelResourcesVerticalScalingEnabled: fts.EnableInPlacePodLevelResourcesVerticalScaling,
		UseStatusResources:                             fts.EnableInPlacePodVerticalScaling,
	}}
	for _, b := range args.Max {
		g.bounds = append(g.bounds, bound{
			resource: b.Resource,
			percent:  int64(b.PercentOfAllocatable),
			reason:   fmt.Sprintf("Sum of %s limits over %d%% of allocatable", b.Resource, b.PercentOfAllocatable),
		})
	}
	return g
}

// Of returns what the pod may use: the limits of its containers, where a container
// without a limit counts with its request (no limit does not mean no use), or the
// pod's limit. placed says whether the pod runs already, and its resources may be in
// the midst of a resize.
func (g *Guard) Of(pod *v1.Pod, placed bool) Pod {
	options := g.options
	options.UseStatusResources = placed && options.UseStatusResources
	if g.isPlain(pod, options.UseStatusResources) {
		return g.ofPlain(pod)
	}
	return g.ofAny(pod, options)
}

// isPlain says whether the limits of a pod are the sums over its containers, which is so for most, and found in a hundredth of the
// time.
func (g *Guard) isPlain(pod *v1.Pod, status bool) bool {
	if pod.Spec.Resources != nil || len(pod.Spec.InitContainers) > 0 || len(pod.Spec.Overhead) > 0 {
		return false
	}
	if !status {
		return true
	}
	if pod.Status.Resources != nil || pod.Status.AllocatedResources != nil {
		return false
	}
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == v1.PodResizePending {
			return false
		}
	}
	for i := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[i]
		if s.Resources == nil && s.AllocatedResources == nil {
			continue
		}
		c := slices.IndexFunc(pod.Spec.Containers, func(c v1.Container) bool { return c.Name == s.Name })
		if c < 0 || !g.isSettled(s, &pod.Spec.Containers[c].Resources) {
			return false
		}
	}
	return true
}

// isSettled says whether a container has what it shall have: it is not in the midst of a resize.
func (g *Guard) isSettled(s *v1.ContainerStatus, shall *v1.ResourceRequirements) bool {
	same := func(a, b v1.ResourceList) bool {
		for i := range g.bounds {
			x, inA := a[g.bounds[i].resource]
			y, inB := b[g.bounds[i].resource]
			if inA != inB || inA && x.Cmp(y) != 0 {
				return false
			}
		}
		return true
	}
	return s.Resources != nil && same(s.Resources.Requests, shall.Requests) && same(s.Resources.Limits, shall.Limits) && same(s.AllocatedResources, shall.Requests)
}

func (g *Guard) ofPlain(pod *v1.Pod) Pod {
	out := make(Pod, len(g.bounds))
	for i := range g.bounds {
		name := g.bounds[i].resource
		var limits, requests apiresource.Quantity
		for c := range pod.Spec.Containers {
			r := &pod.Spec.Containers[c].Resources
			request, requested := r.Requests[name]
			if requested {
				requests.Add(request)
			}
			if limit, limited := r.Limits[name]; limited {
				limits.Add(limit)
			} else if requested {
				limits.Add(request)
			}
		}
		out[i] = max(g.units(name, limits), g.units(name, requests))
	}
	return out
}

func (g *Guard) ofAny(pod *v1.Pod, options resource.PodResourcesOptions) Pod {
	limits, requests := resource.PodLimits(g.withLimits(pod, options.UseStatusResources), options), resource.PodRequests(pod, options)
	out := make(Pod, len(g.bounds))
	for i, b := range g.bounds {
		// The request is more where it is the pod's and the limits are containers'.
		out[i] = max(g.units(b.resource, limits[b.resource]), g.units(b.resource, requests[b.resource]))
	}
	return out
}

// withLimits returns the pod with the guarded requests as limits of containers that
// have none; in its status too where that counts, as in the midst of a resize.
func (g *Guard) withLimits(pod *v1.Pod, status bool) *v1.Pod {
	filled := *pod
	filled.Spec.Containers = g.containersWithLimits(pod.Spec.Containers)
	filled.Spec.InitContainers = g.containersWithLimits(pod.Spec.InitContainers)
	if status {
		filled.Status.ContainerStatuses = g.statusesWithLimits(pod.Status.ContainerStatuses, filled.Spec.Containers)
		filled.Status.InitContainerStatuses = g.statusesWithLimits(pod.Status.InitContainerStatuses, filled.Spec.InitContainers)
	}
	return &filled
}

func (g *Guard) containersWithLimits(containers []v1.Container) []v1.Container {
	out := slices.Clone(containers)
	for i := range out {
		r := &out[i].Resources
		r.Limits = g.limitsOr(r.Limits, r.Requests)
	}
	return out
}

// statusesWithLimits fills in what containers have by what was allocated to them. Of a container whose status tells neither,
// what it shall have counts: upstream leaves it out while a resize is infeasible.
func (g *Guard) statusesWithLimits(statuses []v1.ContainerStatus, containers []v1.Container) []v1.ContainerStatus {
	out := slices.Clone(statuses)
	for i := range containers {
		c := &containers[i]
		at := slices.IndexFunc(out, func(s v1.ContainerStatus) bool { return s.Name == c.Name })
		if at < 0 {
			at = len(out)
			out = append(out, v1.ContainerStatus{Name: c.Name})
		}
		s := &out[at]
		var has v1.ResourceRequirements
		if s.Resources != nil {
			has = *s.Resources
		}
		switch {
		case has.Limits != nil || has.Requests != nil || s.AllocatedResources != nil:
			has.Limits = g.limitsOr(g.limitsOr(has.Limits, has.Requests), s.AllocatedResources)
		default:
			has.Limits = c.Resources.Limits
		}
		s.Resources = &has
	}
	return out
}

// limitsOr returns the limits with those of guarded resources that there are none of.
func (g *Guard) limitsOr(limits, otherwise v1.ResourceList) v1.ResourceList {
	out, own := limits, false
	for _, b := range g.bounds {
		other, there := otherwise[b.resource]
		if _, limited := out[b.resource]; limited || !there {
			continue
		}
		if !own {
			out, own = maps.Clone(limits), true
			if out == nil {
				out = v1.ResourceList{}
			}
		}
		out[b.resource] = other
	}
	return out
}

// units is the quantity in milli-units for cpu and whole units else. It saturates: the
// API takes quantities that no int64 holds.
func (g *Guard) units(name v1.ResourceName, q apiresource.Quantity) int64 {
	if name == v1.ResourceCPU {
		if q.CmpInt64(math.MaxInt64/1000) >= 0 {
			return math.MaxInt64
		}
		return q.MilliValue()
	}
	if q.CmpInt64(math.MaxInt64) >= 0 {
		return math.MaxInt64
	}
	return q.Value()
}

// Take writes the pod's limits to the cycle state.
func (g *Guard) Take(state fwk.CycleState, pod *v1.Pod, nodes int) {
	if pod.Spec.NodeName != "" {
		// A deferred resize: its node counts the pod already, and it moves nowhere.
		return
	}
	state.Write(stateKey, g.Of(pod, false))
	g.sums.Forget(nodes)
}

// onNode returns the sum of limits of the node's pods.
func (g *Guard) onNode(state fwk.CycleState, nodeInfo fwk.NodeInfo) []int64 {
	return *g.sums.Get(state, nodeInfo, 0, func() []int64 { return g.sum(nodeInfo) })
}

func (g *Guard) sum(nodeInfo fwk.NodeInfo) []int64 {
	sum := make([]int64, len(g.bounds))
	for _, p := range nodeInfo.GetPods() {
		for i, limit := range g.Of(p.GetPod(), true) {
			sum[i] = add(sum[i], limit)
		}
	}
	return sum
}

// room returns how far the sum of limits may go on the node. A node that has none of a
// resource is not bounded: upstream's fit refuses it, or lets another allocator serve
// the resource.
func (b *bound) room(nodeInfo fwk.NodeInfo) int64 {
	a := allocatable(nodeInfo, b.resource)
	if a == 0 || a/100 >= math.MaxInt64/b.percent {
		return math.MaxInt64
	}
	return a/100*b.percent + a%100*b.percent/100
}

// Refuses says whether the guard is to keep pods off nodes, with Filter.
func (g *Guard) Refuses() bool { return g.mode == config.LimitsGuardFilter }

// Filter refuses the node for each bound that the pod would take it over.
func (g *Guard) Filter(state fwk.CycleState, nodeInfo fwk.NodeInfo) *fwk.Status {
	pod := podIn(state)
	if pod == nil {
		return nil
	}
	sum := g.onNode(state, nodeInfo)
	code := fwk.Unschedulable
	var reasons []string
	for i := range g.bounds {
		b := &g.bounds[i]
		room := b.room(nodeInfo)
		if !over(sum[i], pod[i], room) {
			continue
		}
		reasons = append(reasons, b.reason)
		if pod[i] > room {
			// Not even an empty node would do, so no eviction helps.
			code = fwk.UnschedulableAndUnresolvable
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return fwk.NewStatus(code, reasons...)
}

// over says whether a pod takes the sum of a resource over the room. A resource of which it takes nothing is not its fault.
func over(sum, pod, room int64) bool { return pod != 0 && add(sum, pod) > room }

// ScoreDown multiplies the score by bound / sum, at the resource furthest over its
// bound: a node at twice its bound keeps half its score. Under another mode than Score
// all keep theirs.
func (g *Guard) ScoreDown(state fwk.CycleState, nodeInfo fwk.NodeInfo, score int64) int64 {
	if g.mode != config.LimitsGuardScore {
		return score
	}
	pod := podIn(state)
	if pod == nil {
		return score
	}
	sum := g.onNode(state, nodeInfo)
	lowest := score
	for i := range g.bounds {
		b := &g.bounds[i]
		room := b.room(nodeInfo)
		if after := add(sum[i], pod[i]); pod[i] > 0 && after > room {
			lowest = min(lowest, int64(float64(score)*float64(room)/float64(after)))
		}
	}
	return lowest
}

// add saturates: the API takes limits as large as an int64 holds.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// podIn is nil where the guard has nothing to say about the pod.
func podIn(state fwk.CycleState) Pod { return cyclestate.Of[Pod](state, stateKey) }

func allocatable(nodeInfo fwk.NodeInfo, name v1.ResourceName) int64 {
	a := nodeInfo.GetAllocatable()
	switch name {
	case v1.ResourceCPU:
		return a.GetMilliCPU()
	case v1.ResourceMemory:
		return a.GetMemory()
	case v1.ResourceEphemeralStorage:
		return a.GetEphemeralStorage()
	default:
		return a.GetScalarResources()[name]
	}
}
