// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"slices"

	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// profile is what terms read of a profile. A plugin that no term asks for is one that the index
// does not know.
type profile struct {
	features feature.Features
	// plugin returns the profile's plugin of that name if it is one of ours, otherwise nil.
	plugin func(string) fwk.Plugin

	filterNames, preFilterNames []string
	scores                      []kubeschedulerconfig.Plugin
	configs                     []kubeschedulerconfig.PluginConfig

	// knownFilters and knownScores are the plugins that a term models, as filters and as scores.
	knownFilters, knownScores []string
	unknown                   string // what no term does
	recounts                  bool   // upstream has to count pods in any case
	toAsk                     []ask
}

func newProfile(enabled *kubeschedulerconfig.Plugins, args []kubeschedulerconfig.PluginConfig, features feature.Features, plugin func(string) fwk.Plugin) *profile {
	// A pod that waits for a node names none, so NodeName is known.
	return &profile{
		features: features, plugin: plugin, filterNames: namesOf(enabled.Filter), preFilterNames: namesOf(enabled.PreFilter),
		scores: enabled.Score.Enabled, configs: args, knownFilters: []string{names.NodeName},
	}
}

func namesOf(set kubeschedulerconfig.PluginSet) []string {
	var out []string
	for i := range set.Enabled {
		out = append(out, set.Enabled[i].Name)
	}
	return out
}

// filters reports whether the profile filters with one of the plugins, all of which the term
// models.
func (p *profile) filters(plugins ...string) (does bool) {
	p.knownFilters = append(p.knownFilters, plugins...)
	for _, name := range plugins {
		does = does || slices.Contains(p.filterNames, name)
	}
	return does
}

// weight returns the sum of the weights of the plugins, all of which the term models. It is 0 if
// the profile does not score with them.
func (p *profile) weight(plugins ...string) (sum int64) {
	p.knownScores = append(p.knownScores, plugins...)
	for _, name := range plugins {
		sum += p.weightOf(name)
	}
	return sum
}

func (p *profile) weightOf(name string) int64 {
	for i := range p.scores {
		if p.scores[i].Name == name {
			return int64(p.scores[i].Weight)
		}
	}
	return 0
}

// runs reports whether the profile filters or scores with the plugin.
func (p *profile) runs(name string) bool {
	return slices.Contains(p.filterNames, name) || slices.ContainsFunc(p.scores, func(s kubeschedulerconfig.Plugin) bool { return s.Name == name })
}

// args returns the args of a plugin that the profile runs, or nil.
func (p *profile) args(name string) any {
	if p.runs(name) {
		for i := range p.configs {
			if p.configs[i].Name == name {
				return p.configs[i].Args
			}
		}
	}
	return nil
}

// doNotKnow records that the index does not know something about the profile and cannot serve it,
// unless what is empty. As with a query's cannotSay, there is no result to drop.
func (p *profile) doNotKnow(what string) {
	if p.unknown == "" {
		p.unknown = what
	}
}

// ask is a plugin that tells the index its verdicts on nodes; see asked.
type ask struct {
	plugin  judge.Plugin
	weight  int64 // 0 where the profile does not score with it
	filters bool
}

// ask has the index ask the plugin, and reports whether it can be asked.
func (p *profile) ask(plugin fwk.Plugin, weight int64, filters bool) bool {
	j, ok := plugin.(judge.Plugin)
	if !ok || len(p.toAsk) == maxAsked {
		return false
	}
	p.toAsk = append(p.toAsk, ask{j, weight, filters})
	return true
}

// otherFilters returns the filters that no term models.
func (p *profile) otherFilters() (others []string) {
	for _, name := range p.filterNames {
		if !slices.Contains(p.knownFilters, name) {
			others = append(others, name)
		}
	}
	return others
}

// uncounting are PreFilter plugins besides those that terms model. None of them reads spread
// constraints or inter-pod terms.
var uncounting = []string{
	names.VolumeRestrictions, names.NodeVolumeLimits, names.VolumeBinding, names.VolumeZone, names.DynamicResources, names.NodeDeclaredFeatures,
}

// otherPreFilters reports whether there is an unknown PreFilter plugin, which may read what provers
// leave out.
func (p *profile) otherPreFilters() bool {
	return slices.ContainsFunc(p.preFilterNames, func(name string) bool {
		return !slices.Contains(p.knownFilters, name) && !slices.Contains(p.knownScores, name) && !slices.Contains(uncounting, name)
	})
}
