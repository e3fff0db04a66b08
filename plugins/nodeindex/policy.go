// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/judge"
)

// Names of our plugins, which siblings do not import.
const (
	affinityName    = "Affinity"
	taintsName      = "Taints"
	resourceFitName = "ResourceFit"
)

// policy is how one profile filters and scores, as far as the index knows it. A weight of 0
// is a plugin that the profile does not have.
type policy struct {
	// unknown is what the index does not know about the profile; empty where it knows all.
	unknown string
	// filters and scores are the plugins that do.
	filters, scores []string
	// others are the filters that the index does not judge. It serves only pods that they
	// have nothing to say about.
	others []string

	taints, affinity, images, spread, podAffinity int64
	// fit and balanced are upstream's two plugins, own is ours, which mixes them.
	fit, balanced, own, ownBalanced int64
	strategy                        kubeschedulerconfig.ScoringStrategyType
	cpuWeight, memWeight            int64
	balances                        bool // CPU against memory

	// services is Affinity, where it can be asked.
	services judge.Services
	// rulesForAll: Affinity has rules of services for pods that state none.
	rulesForAll bool
	// added to every pod's node affinity.
	enforced *v1.NodeSelector
	favoured []v1.PreferredSchedulingTerm

	// Which filters the profile has.
	filtersTaints, filtersCordons, filtersAffinity, filtersFit, filtersPorts, filtersSpread, filtersPodAffinity bool
	ignored, ignoredGroups                                                                                      []string

	// judged are plugins that are asked, and asksFit says that ResourceFit is one.
	judged  []judged
	plugins func(string) fwk.Plugin
	asksFit bool

	spreadDefaults  []v1.TopologySpreadConstraint
	systemDefaulted bool
	hardWeight      int32 // of required affinity of placed pods
	ignorePreferred bool

	// recounts: upstream counts pods in any case.
	recounts bool

	features feature.Features
}

// maxWeight of what is scored for resources keeps the sum in 32 bits.
const maxWeight = 1_000_000

// What upstream spreads pods by that have no constraints of their own
// (pkg/scheduler/framework/plugins/podtopologyspread/plugin.go).
var systemDefaults = []v1.TopologySpreadConstraint{
	{TopologyKey: v1.LabelHostname, WhenUnsatisfiable: v1.ScheduleAnyway, MaxSkew: 3},
	{TopologyKey: v1.LabelTopologyZone, WhenUnsatisfiable: v1.ScheduleAnyway, MaxSkew: 5},
}

// policyOf reads a profile: enabled is what its framework runs, args how it was configured.
// plugins returns the profile's plugin of that name where it is one of ours, else nil.
func policyOf(enabled *kubeschedulerconfig.Plugins, args []kubeschedulerconfig.PluginConfig, features feature.Features, plugins func(string) fwk.Plugin) *policy {
	p := &policy{features: features, plugins: plugins}
	p.services, _ = plugins(affinityName).(judge.Services)
	for _, f := range enabled.Filter.Enabled {
		p.filters = append(p.filters, f.Name)
		switch f.Name {
		case names.TaintToleration, taintsName:
			p.filtersTaints = true
		case names.NodeUnschedulable:
			p.filtersCordons = true
		case names.NodeAffinity, affinityName:
			p.filtersAffinity = true
		case names.NodeResourcesFit, resourceFitName:
			p.filtersFit = true
		case names.NodePorts:
			p.filtersPorts = true
		case names.PodTopologySpread:
			p.filtersSpread = true
		case names.InterPodAffinity:
			p.filtersPodAffinity = true
		case names.NodeName:
			// A pod that waits for a node names none.
		default:
			if j := p.ask(f.Name); j != nil {
				j.filters = true
			} else {
				p.others = append(p.others, f.Name)
			}
		}
	}
	for _, s := range enabled.Score.Enabled {
		p.addScore(s.Name, int64(s.Weight))
	}
	if p.balanced > 0 && p.own > 0 {
		p.know("both upstream's balancing and " + resourceFitName)
	}
	if !p.filtersFit || !p.filtersTaints {
		p.know("no filter for resources or taints")
	}
	if features.EnableDRANodeAllocatableResources {
		p.know("feature DRANodeAllocatableResources")
	}
	if !features.EnableNodeInclusionPolicyInPodTopologySpread {
		p.know("feature NodeInclusionPolicyInPodTopologySpread")
	}
	if p.runs(names.NodeResourcesFit) && p.runs(resourceFitName) {
		p.know("both upstream's fit and " + resourceFitName)
	}
	for i := range args {
		if p.runs(args[i].Name) {
			p.addArgs(args[i].Name, args[i].Args)
		}
	}
	heaviest := max(p.own, p.fit, p.balanced)
	for i := range p.judged {
		heaviest = max(heaviest, p.judged[i].weight)
	}
	if heaviest > maxWeight {
		p.know(fmt.Sprintf("a weight over %d", maxWeight))
	}
	if (p.fit > 0 || p.own > 0) && p.cpuWeight+p.memWeight == 0 {
		p.know("no args of the plugin that scores resources")
	}
	p.readRecounts(pluginNames(enabled.PreFilter))
	return p
}

// runs says whether the profile filters or scores with the plugin.
func (p *policy) runs(name string) bool {
	return slices.Contains(p.filters, name) || slices.Contains(p.scores, name)
}

func pluginNames(set kubeschedulerconfig.PluginSet) []string {
	var out []string
	for i := range set.Enabled {
		out = append(out, set.Enabled[i].Name)
	}
	return out
}

func (p *policy) know(not string) {
	if p.unknown == "" {
		p.unknown = not
	}
}

func (p *policy) addScore(name string, weight int64) {
	p.scores = append(p.scores, name)
	switch name {
	case names.TaintToleration, taintsName:
		p.taints += weight
	case names.NodeAffinity, affinityName:
		p.affinity += weight
	case names.NodeResourcesFit:
		p.fit = weight
	case names.NodeResourcesBalancedAllocation:
		p.balanced = weight
	case resourceFitName:
		p.own = weight
	case names.ImageLocality:
		p.images = weight
	case names.PodTopologySpread:
		p.spread = weight
	case names.InterPodAffinity:
		p.podAffinity = weight
	case names.VolumeBinding, names.DynamicResources:
		// They score 0 on every node where their filter has nothing to say about the pod.
		if !slices.Contains(p.others, name) {
			p.know("score plugin " + name)
		}
	default:
		if j := p.ask(name); j != nil {
			j.weight = weight
		} else {
			p.know("score plugin " + name)
		}
	}
}

func (p *policy) addArgs(name string, object any) {
	switch args := object.(type) {
	case *config.AffinityArgs:
		p.rulesForAll = len(args.ServiceAffinity.Labels) > 0 || len(args.ServiceAntiAffinity.Labels) > 0
		p.addAffinity(args.AddedAffinity)
	case *kubeschedulerconfig.NodeAffinityArgs:
		p.addAffinity(args.AddedAffinity)
	case *config.ResourceFitArgs:
		p.addResourceFit(args)
	case *kubeschedulerconfig.NodeResourcesFitArgs:
		p.ignored, p.ignoredGroups = args.IgnoredResources, args.IgnoredResourceGroups
		if p.fit == 0 || args.ScoringStrategy == nil {
			return
		}
		p.setStrategy(args.ScoringStrategy.Type, args.ScoringStrategy.Resources)
	case *kubeschedulerconfig.NodeResourcesBalancedAllocationArgs:
		if p.balanced > 0 {
			p.setBalanced(args.Resources)
		}
	case *kubeschedulerconfig.PodTopologySpreadArgs:
		p.spreadDefaults = args.DefaultConstraints
		if args.DefaultingType == kubeschedulerconfig.SystemDefaulting {
			p.spreadDefaults, p.systemDefaulted = systemDefaults, true
		}
	case *kubeschedulerconfig.InterPodAffinityArgs:
		p.hardWeight, p.ignorePreferred = args.HardPodAffinityWeight, args.IgnorePreferredTermsOfExistingPods
	}
}

// addResourceFit has the plugin itself judge where the columns do not know its args.
func (p *policy) addResourceFit(args *config.ResourceFitArgs) {
	p.ignored, p.ignoredGroups = args.IgnoredResources, args.IgnoredResourceGroups
	before := *p
	if args.LimitsGuard.Mode != config.LimitsGuardNone && !p.addGuard() {
		p.know(resourceFitName + " with a guard on limits")
	}
	if p.own > 0 {
		p.ownBalanced = int64(args.BalancedAllocation.Weight)
		p.setStrategy(kubeschedulerconfig.ScoringStrategyType(args.ScoringStrategy.Type), specs(args.ScoringStrategy.Resources))
		if p.ownBalanced > 0 {
			p.setBalanced(specs(args.BalancedAllocation.Resources))
		}
	}
	if p.unknown == before.unknown {
		return
	}
	j := p.ask(resourceFitName)
	if j == nil {
		return
	}
	judged := p.judged
	*p = before
	p.judged = judged
	j.weight, j.filters = p.own, slices.Contains(p.filters, resourceFitName)
	p.own, p.asksFit = 0, true
}

// addGuard has the guard on limits asked beside the columns, and says whether that is all that it does.
func (p *policy) addGuard() bool {
	plugin, ok := p.plugins(resourceFitName).(judge.Guarded)
	if !ok || plugin.Guard() == nil || len(p.judged) == maxJudges {
		return false
	}
	p.judged = append(p.judged, judged{plugin: plugin.Guard(), filters: slices.Contains(p.filters, resourceFitName)})
	return true
}

func (p *policy) addAffinity(added *v1.NodeAffinity) {
	if added == nil {
		return
	}
	if p.enforced != nil || p.favoured != nil {
		p.know("two plugins that add node affinity")
	}
	p.enforced, p.favoured = added.RequiredDuringSchedulingIgnoredDuringExecution, added.PreferredDuringSchedulingIgnoredDuringExecution
}

func specs(in []kubeschedulerv1.ResourceSpec) []kubeschedulerconfig.ResourceSpec {
	out := make([]kubeschedulerconfig.ResourceSpec, len(in))
	for i := range in {
		out[i] = kubeschedulerconfig.ResourceSpec{Name: in[i].Name, Weight: in[i].Weight}
	}
	return out
}

func (p *policy) setStrategy(strategy kubeschedulerconfig.ScoringStrategyType, resources []kubeschedulerconfig.ResourceSpec) {
	if strategy != kubeschedulerconfig.LeastAllocated && strategy != kubeschedulerconfig.MostAllocated {
		p.know(fmt.Sprintf("scoring strategy %s", strategy))
	}
	p.strategy = strategy
	for _, r := range resources {
		switch {
		case r.Name == string(v1.ResourceCPU) && p.cpuWeight == 0:
			p.cpuWeight = r.Weight
		case r.Name == string(v1.ResourceMemory) && p.memWeight == 0:
			p.memWeight = r.Weight
		default:
			p.know("scoring by resource " + r.Name)
		}
	}
}

func (p *policy) setBalanced(resources []kubeschedulerconfig.ResourceSpec) {
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
		p.know("balancing other resources than cpu and memory")
	}
	p.balances = true
}
