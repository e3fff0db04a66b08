// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Result of a conversion.
type Result struct {
	// Config is a KubeSchedulerConfiguration in YAML, with the notices as comments.
	Config []byte
	// Notices tell what has no equivalent today and what differs, each with its place in
	// the policy.
	Notices []string
	// Missing are the notices of what had a say in where pods went and is left out.
	Missing []string
}

// Convert turns a Policy in JSON or YAML into a configuration with one profile,
// schedulerName; all else in it is the shipped configuration's. The error names the
// fields of the policy that are wrong.
func Convert(data []byte, schedulerName string) (*Result, error) {
	p, err := decode(data)
	if err != nil {
		return nil, err
	}
	c := &conversion{filters: sets.New[string](), weights: map[string]int64{}}
	c.addPredicates(p.Predicates)
	c.addPriorities(p.Priorities)
	c.placeNodePreferences()
	c.placeStrategies()
	c.hardPodAffinityWeight = p.HardPodAffinitySymmetricWeight
	c.extenders = p.Extenders
	if p.AlwaysCheckAllPredicates {
		c.notice("alwaysCheckAllPredicates: no equivalent: a node is refused with the first reason found")
	}
	config, err := c.config(schedulerName)
	return &Result{Config: config, Notices: c.notices, Missing: c.missing}, err
}

// conversion gathers what a policy asks for, in terms of today's plugins.
type conversion struct {
	// filters are the plugins that filter, weights those that score.
	filters sets.Set[string]
	weights map[string]int64

	// presentLabels and absentLabels are asked of every node.
	presentLabels, absentLabels []string
	// serviceLabels of service affinity.
	serviceLabels []string
	// antiLabels of service anti-affinity, preferences for labels: each of these has the
	// weight, so their plugin has it once per label.
	antiLabels       []string
	antiWeight       int64
	preferences      []labelPreference
	preferenceWeight int64
	// preferencesOn is the plugin that scores the preferences.
	preferencesOn string

	// strategies over requested and allocatable, in the order of the policy.
	strategies []strategy
	// spreadsServices: PodTopologySpread spreads pods without constraints of their own.
	spreadsServices bool

	hardPodAffinityWeight int32
	extenders             []extender
	notices, missing      []string
}

// strategy is one of ResourceFit's, with the weight of its priority.
type strategy struct {
	kind   string
	weight int64
	// ratio only for RequestedToCapacityRatio.
	ratio *requestedToRatio
	where string
}

func (c *conversion) notice(format string, args ...any) {
	c.notices = append(c.notices, fmt.Sprintf(format, args...))
}

// lose is a notice of what had a say in where pods went and is left out.
func (c *conversion) lose(format string, args ...any) {
	c.notice(format, args...)
	c.missing = append(c.missing, c.notices[len(c.notices)-1])
}

func (c *conversion) addPredicates(predicates []predicate) {
	if predicates == nil {
		for _, name := range defaultPredicates {
			c.filters.Insert(knownPredicates[name].plugins...)
		}
		return
	}
	for _, name := range mandatoryPredicates {
		c.filters.Insert(knownPredicates[name].plugins...)
	}
	for i, p := range predicates {
		where := fmt.Sprintf("predicates[%d] %s", i, p.Name)
		if known := knownPredicates[p.Name]; known != nil {
			c.filters.Insert(known.plugins...)
			if known.notice != "" {
				c.notice("%s: %s", where, known.notice)
			}
			continue
		}
		if s := p.Argument.ServiceAffinity; s != nil {
			c.serviceLabels = appendNew(c.serviceLabels, s.Labels...)
			c.notice("%s: the pods of a Service are now those its selector selects, and the oldest one decides the values", where)
		} else if l := p.Argument.LabelsPresence; l.Presence {
			c.presentLabels = appendNew(c.presentLabels, l.Labels...)
		} else {
			c.absentLabels = appendNew(c.absentLabels, l.Labels...)
		}
	}
	if len(c.serviceLabels)+len(c.presentLabels)+len(c.absentLabels) > 0 && !c.filters.Has(affinity) {
		c.filters.Insert(affinity)
		c.notice("predicates: without MatchNodeSelector, the pods' own nodeSelector and required node affinity count all the same: one plugin filters by them and by labels and Services")
	}
	if !c.filters.Has(volumeBinding) {
		c.notice("predicates: without CheckVolumeBinding nothing binds a pod's claims that wait for their first consumer, as it was")
	}
}

func (c *conversion) addPriorities(priorities []priority) {
	if priorities == nil {
		for _, p := range defaultPriorities {
			c.addKnownPriority(p, "default "+p.Name, false)
		}
		c.notice("priorities: none given, so the defaults of 1.22 hold; of those, BalancedResourceAllocation now %s", balancedNotice)
		return
	}
	for i, p := range priorities {
		where := fmt.Sprintf("priorities[%d] %s", i, p.Name)
		switch kind, _ := p.kind(); kind {
		case antiKind:
			c.antiLabels, c.antiWeight = append(c.antiLabels, p.label()), p.Weight
		case preferenceKind:
			c.preferences, c.preferenceWeight = append(c.preferences, *p.Argument.LabelPreference), p.Weight
		case ratioKind:
			c.strategies = append(c.strategies, strategy{"RequestedToCapacityRatio", p.Weight, p.Argument.RequestedToCapacityRatioArguments, where})
		default:
			c.addKnownPriority(p, where, true)
		}
	}
}

func (c *conversion) addKnownPriority(p priority, where string, tell bool) {
	known := knownPriorities[p.Name]
	switch {
	case known.missing:
		c.lose("%s: %s", where, known.notice)
	case known.notice != "" && tell:
		c.notice("%s: %s", where, known.notice)
	}
	switch p.Name {
	case leastRequested:
		c.strategies = append(c.strategies, strategy{kind: "LeastAllocated", weight: p.Weight, where: where})
		return
	case mostRequested:
		c.strategies = append(c.strategies, strategy{kind: "MostAllocated", weight: p.Weight, where: where})
		return
	}
	for _, plugin := range known.plugins {
		if plugin == topologySpread && p.Name != evenSpread {
			c.spreadsServices = true
		}
		if had := c.weights[plugin]; tell && had != 0 && had != p.Weight {
			c.notice("%s: %s has one weight, the larger of %d and %d", where, plugin, had, p.Weight)
		}
		c.weights[plugin] = max(c.weights[plugin], p.Weight)
	}
}

// placeNodePreferences divides what scores by node labels between Affinity and upstream's
// NodeAffinity. Affinity has one score for all it knows, so where a policy weighs two of
// these apart, NodeAffinity scores the second (and does not filter).
func (c *conversion) placeNodePreferences() {
	pods := c.weights[affinity] // NodeAffinityPriority, so far
	anti, preferences := c.antiWeight*int64(len(c.antiLabels)), c.preferenceWeight*int64(len(c.preferences))
	switch {
	case anti > 0:
		c.weights[affinity] = anti
		c.preferencesOn = nodeAffinity
		if pods+preferences > 0 {
			c.weights[nodeAffinity] = pods + preferences
		}
		c.notice("priorities: where a pod has preferred node affinity of its own, that is a hundredth of the score of serviceAntiAffinity")
	case pods > 0 && preferences > 0:
		c.preferencesOn = nodeAffinity
		c.weights[nodeAffinity] = preferences
	case preferences > 0:
		c.preferencesOn = affinity
		c.weights[affinity] = preferences
	}
	if preferences > 0 {
		c.notice("priorities: a pod's own preferred node affinity counts in the score of labelPreference too")
		if len(c.preferences) > 1 {
			c.notice("priorities: of several labelPreferences, the node that has the most of them counts as having all")
		}
	}
}

// placeStrategies gives the first strategy to ResourceFit and a second one to upstream's
// NodeResourcesFit, which does not filter then.
func (c *conversion) placeStrategies() {
	for i, plugin := range []string{resourceFit, nodeFit} {
		if i < len(c.strategies) {
			c.weights[plugin] = c.strategies[i].weight
		}
	}
	if len(c.strategies) > 2 {
		c.lose("%s: no equivalent: a profile holds two strategies, and the policy's first two are kept", c.strategies[2].where)
		c.strategies = c.strategies[:2]
	}
}

// addedAffinity is what a plugin of the two asks of nodes besides what the pod does.
func (c *conversion) addedAffinity(plugin string) *v1.NodeAffinity {
	added := &v1.NodeAffinity{}
	if required := append(requirements(c.presentLabels, true), requirements(c.absentLabels, false)...); plugin == affinity && len(required) > 0 {
		added.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: required}}}
	}
	if plugin == c.preferencesOn {
		for _, p := range c.preferences {
			added.PreferredDuringSchedulingIgnoredDuringExecution = append(added.PreferredDuringSchedulingIgnoredDuringExecution, v1.PreferredSchedulingTerm{
				Weight: 100, Preference: v1.NodeSelectorTerm{MatchExpressions: requirements([]string{p.Label}, p.Presence)}})
		}
	}
	if added.RequiredDuringSchedulingIgnoredDuringExecution == nil && added.PreferredDuringSchedulingIgnoredDuringExecution == nil {
		return nil
	}
	return added
}

func requirements(keys []string, present bool) []v1.NodeSelectorRequirement {
	operator := v1.NodeSelectorOpDoesNotExist
	if present {
		operator = v1.NodeSelectorOpExists
	}
	var all []v1.NodeSelectorRequirement
	for _, key := range keys {
		all = append(all, v1.NodeSelectorRequirement{Key: key, Operator: operator})
	}
	return all
}

func appendNew(to []string, more ...string) []string {
	for _, m := range more {
		if !slices.Contains(to, m) {
			to = append(to, m)
		}
	}
	return to
}
