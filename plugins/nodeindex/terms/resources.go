// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	corehelper "k8s.io/kubernetes/pkg/apis/core/v1/helper"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	schedutil "k8s.io/kubernetes/pkg/scheduler/util"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// resources is the term of what pods request: whether it fits, and the scores of a strategy and of
// balance.
type resources struct {
	// fit and balanced are the weights of upstream's two plugins. own is that of ours, which mixes
	// them.
	fit, balanced, own, ownBalanced int64
	strategy                        kubeschedulerconfig.ScoringStrategyType
	cpuWeight, memWeight            int64
	balances                        bool // CPU against memory

	ignored, ignoredGroups []string
	podLevel               bool // requests count
	asked                  bool // ResourceFit itself, about what it scores and predicts

	// Requests are those of the pod in hand.
	Requests
	scalars []scalar
	// predicted is true if another term scores the rows that fit.
	predicted bool
}

// Requests are those of a pod: CPU in millicores, the others in bytes.
type Requests struct {
	CPU, Mem, Eph int64 // as the filter counts them
	// NonZeroCPU and NonZeroMem are as the strategy counts them: containers without requests count
	// with a default.
	NonZeroCPU, NonZeroMem int64
}

type scalar struct {
	name  v1.ResourceName
	value int64
}

func (t *resources) read(p *profile) bool {
	t.podLevel = p.features.EnablePodLevelResources
	if !p.filters(names.NodeResourcesFit, config.ResourceFitName) {
		p.doNotKnow("no filter for resources")
	}
	if p.features.EnableDRANodeAllocatableResources {
		p.doNotKnow("feature DRANodeAllocatableResources")
	}
	t.fit, t.own = p.weight(names.NodeResourcesFit), p.weight(config.ResourceFitName)
	t.balanced = p.weight(names.NodeResourcesBalancedAllocation)
	if t.balanced > 0 && t.own > 0 {
		p.doNotKnow("both upstream's balancing and " + config.ResourceFitName)
	}
	if p.runs(names.NodeResourcesFit) && p.runs(config.ResourceFitName) {
		p.doNotKnow("both upstream's fit and " + config.ResourceFitName)
	}
	if args, ok := p.args(names.NodeResourcesFit).(*kubeschedulerconfig.NodeResourcesFitArgs); ok {
		t.ignored, t.ignoredGroups = args.IgnoredResources, args.IgnoredResourceGroups
		if t.fit > 0 && args.ScoringStrategy != nil {
			p.doNotKnow(t.setStrategy(args.ScoringStrategy.Type, args.ScoringStrategy.Resources))
		}
	}
	if args, ok := p.args(names.NodeResourcesBalancedAllocation).(*kubeschedulerconfig.NodeResourcesBalancedAllocationArgs); ok && t.balanced > 0 {
		p.doNotKnow(t.setBalanced(args.Resources))
	}
	if args, ok := p.args(config.ResourceFitName).(*config.ResourceFitArgs); ok {
		t.ignored, t.ignoredGroups = args.IgnoredResources, args.IgnoredResourceGroups
		t.readOwn(p, args)
	}
	if max(t.own, t.fit, t.balanced) > maxWeight {
		p.doNotKnow(fmt.Sprintf("a weight over %d", maxWeight))
	}
	if (t.fit > 0 || t.own > 0) && t.cpuWeight+t.memWeight == 0 {
		p.doNotKnow("no args of the plugin that scores resources")
	}
	return true
}

// readOwn has ResourceFit itself asked if the columns do not know its args.
func (t *resources) readOwn(p *profile, args *config.ResourceFitArgs) {
	unknown := ""
	if t.own > 0 {
		t.ownBalanced = int64(args.BalancedAllocation.Weight)
		unknown = t.setStrategy(kubeschedulerconfig.ScoringStrategyType(args.ScoringStrategy.Type), specs(args.ScoringStrategy.Resources))
		if t.ownBalanced > 0 && unknown == "" {
			unknown = t.setBalanced(specs(args.BalancedAllocation.Resources))
		}
	}
	plugin, filters := p.plugin(config.ResourceFitName), slices.Contains(p.filterNames, config.ResourceFitName)
	if args.LimitsGuard.Mode != config.LimitsGuardNone && unknown == "" {
		// A guard that only refuses nodes is asked in addition to the columns.
		if of, ok := plugin.(judge.Guarded); ok && p.ask(of.Guard(), 0, filters) {
			return
		}
		unknown = config.ResourceFitName + " with a guard on limits"
	}
	if unknown == "" {
		return
	}
	if p.ask(plugin, t.own, filters) {
		t.own, t.balances, t.asked = 0, false, true
	} else {
		p.doNotKnow(unknown)
	}
}

func specs(in []kubeschedulerv1.ResourceSpec) []kubeschedulerconfig.ResourceSpec {
	out := make([]kubeschedulerconfig.ResourceSpec, len(in))
	for i := range in {
		out[i] = kubeschedulerconfig.ResourceSpec{Name: in[i].Name, Weight: in[i].Weight}
	}
	return out
}

// setStrategy sets the strategy and returns what the columns do not know about it, or "".
func (t *resources) setStrategy(strategy kubeschedulerconfig.ScoringStrategyType, resources []kubeschedulerconfig.ResourceSpec) (unknown string) {
	if strategy != kubeschedulerconfig.LeastAllocated && strategy != kubeschedulerconfig.MostAllocated {
		unknown = fmt.Sprintf("scoring strategy %s", strategy)
	}
	t.strategy = strategy
	for _, r := range resources {
		switch {
		case r.Name == string(v1.ResourceCPU) && t.cpuWeight == 0:
			t.cpuWeight = r.Weight
		case r.Name == string(v1.ResourceMemory) && t.memWeight == 0:
			t.memWeight = r.Weight
		default:
			unknown = "scoring by resource " + r.Name
		}
	}
	return unknown
}

// setBalanced sets the balancing and returns what the columns do not know about it, or "".
func (t *resources) setBalanced(resources []kubeschedulerconfig.ResourceSpec) (unknown string) {
	var cpu, memory int
	for _, r := range resources {
		switch r.Name {
		case string(v1.ResourceCPU):
			cpu++
		case string(v1.ResourceMemory):
			memory++
		}
	}
	if cpu != 1 || memory != 1 || len(resources) != 2 {
		unknown = "balancing other resources than cpu and memory"
	}
	t.balances = true
	return unknown
}

var defaultRequests = v1.ResourceList{
	v1.ResourceCPU:    *apiresource.NewMilliQuantity(schedutil.DefaultMilliCPURequest, apiresource.DecimalSI),
	v1.ResourceMemory: *apiresource.NewQuantity(schedutil.DefaultMemoryRequest, apiresource.BinarySI),
}

func (t *resources) compile(q *Query) {
	options := resource.PodResourcesOptions{SkipPodLevelResources: !t.podLevel}
	requests := resource.PodRequests(q.Pod, options)
	t.Requests, t.scalars, t.predicted = Requests{}, t.scalars[:0], false
	for name, quantity := range requests {
		switch name {
		case v1.ResourceCPU:
			t.CPU = quantity.MilliValue()
		case v1.ResourceMemory:
			t.Mem = quantity.Value()
		case v1.ResourceEphemeralStorage:
			t.Eph = quantity.Value()
		default:
			if schedutil.IsScalarResourceName(name) && quantity.Value() > 0 && !t.ignores(name) {
				t.scalars = append(t.scalars, scalar{name, quantity.Value()})
			}
		}
	}
	t.NonZeroCPU, t.NonZeroMem = t.CPU, t.Mem
	containers := t.fit > 0 && q.Pod.Spec.Resources != nil
	if containers {
		// Upstream's scorer of strategies counts only what containers request.
		options.SkipPodLevelResources = true
	}
	if containers || missesRequests(q.Pod.Spec.Containers) || missesRequests(q.Pod.Spec.InitContainers) {
		options.NonMissingContainerRequests = defaultRequests
		requests = resource.PodRequests(q.Pod, options)
		t.NonZeroCPU, t.NonZeroMem = requests.Cpu().MilliValue(), requests.Memory().Value()
	}
	q.Shape.Requests = t.Requests
	q.keeps(t)
	if len(t.scalars) > 0 {
		q.admits(t)
	}
}

func missesRequests(containers []v1.Container) bool {
	for i := range containers {
		requests := containers[i].Resources.Requests
		_, cpu := requests[v1.ResourceCPU]
		_, memory := requests[v1.ResourceMemory]
		if !cpu || !memory {
			return true
		}
	}
	return false
}

func (t *resources) ignores(name v1.ResourceName) bool {
	if !corehelper.IsExtendedResourceName(name) {
		return false
	}
	group, _, _ := strings.Cut(string(name), "/")
	return slices.Contains(t.ignored, string(name)) || slices.Contains(t.ignoredGroups, group)
}

// admit is the filter for scalar resources.
func (t *resources) admit(q *Query, rows []int32, totals []int64) int {
	return keep(rows, totals, func(row int32) bool {
		info := q.table.Infos[row]
		allocatable, requested := info.GetAllocatable().GetScalarResources(), info.GetRequested().GetScalarResources()
		for i := range t.scalars {
			if s := &t.scalars[i]; s.value > allocatable[s.name]-requested[s.name] {
				return false
			}
		}
		return true
	})
}

// fits is the filter for all resources except scalars.
func (t *resources) fits(r *table.Row) bool {
	return r.Room > 0 && (t.CPU <= 0 || t.CPU <= r.FreeCPU) && (t.Mem <= 0 || t.Mem <= r.FreeMem) && (t.Eph <= 0 || t.Eph <= r.FreeEph)
}

func (t *resources) judge(q *Query, rows []int32) {
	scores, all := q.Kept.Scores, q.table.Rows
	if !t.predicted {
		t.scoreRequested(q.Kept, all, rows)
		return
	}
	for _, row := range rows {
		if scores[row] = NoFit; t.fits(&all[row]) {
			scores[row] = 0
		}
	}
}
