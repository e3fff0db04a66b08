// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/manifests"
)

// object is one of YAML's. (The API's own types would print every field that is empty.)
type object map[string]any

type pluginSet struct {
	Enabled  []plugin `json:"enabled,omitempty"`
	Disabled []plugin `json:"disabled,omitempty"`
}

type plugin struct {
	Name   string `json:"name"`
	Weight int64  `json:"weight,omitempty"`
}

// Mark is the first line of what Convert writes.
const Mark = "# Converted from a scheduler Policy."

// config writes the shipped configuration with the profile that was asked for.
func (c *conversion) config(schedulerName string) ([]byte, error) {
	cfg := object{}
	if err := yaml.Unmarshal(manifests.SchedulerConfig, &cfg); err != nil {
		return nil, fmt.Errorf("the shipped configuration: %w", err)
	}
	profile := object{"schedulerName": schedulerName, "plugins": c.plugins()}
	if args := c.pluginConfig(); len(args) > 0 {
		profile["pluginConfig"] = args
	}
	cfg["profiles"] = []object{profile}
	if len(c.extenders) > 0 {
		var extenders []kubeschedulerv1.Extender
		for _, e := range c.extenders {
			extenders = append(extenders, e.convert())
		}
		cfg["extenders"] = extenders
	}
	body, err := yaml.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, Mark)
	for _, n := range c.notices {
		fmt.Fprintln(&out, "#", n)
	}
	out.Write(body)
	return out.Bytes(), nil
}

// plugins begins at today's defaults, so that what came after policies (scheduling gates,
// claims of devices) goes on working, and takes away what the policy did not ask for.
func (c *conversion) plugins() map[string]*pluginSet {
	sets := map[string]*pluginSet{"multiPoint": {}}
	for _, name := range append(append([]string{}, ours...), byUpstream...) {
		filters, weight := c.filters.Has(name), c.weights[name]
		switch {
		case !filters && weight == 0:
			if !isOurs(name) {
				sets["multiPoint"].Disabled = append(sets["multiPoint"].Disabled, plugin{Name: name})
			}
			continue
		case isOurs(name) || weight > 0:
			sets["multiPoint"].Enabled = append(sets["multiPoint"].Enabled, plugin{Name: name, Weight: weight})
		}
		var without []string
		if !filters {
			without = []string{"preFilter", "filter"}
		} else if weight == 0 && scores(name) {
			without = []string{"preScore", "score"}
		}
		for _, point := range without {
			if sets[point] == nil {
				sets[point] = &pluginSet{}
			}
			sets[point].Disabled = append(sets[point].Disabled, plugin{Name: name})
		}
	}
	// Ours hold TaintToleration, whatever the policy said.
	sets["multiPoint"].Disabled = append(sets["multiPoint"].Disabled, plugin{Name: "TaintToleration"})
	return sets
}

// scores tells whether the plugin has a score that a policy can have a say about. (That
// VolumeBinding scores came after policies, whose priorities were all that counted.)
func scores(name string) bool {
	for _, known := range knownPriorities {
		for _, p := range known.plugins {
			if p == name {
				return true
			}
		}
	}
	return name == nodeAffinity || name == nodeFit || name == volumeBinding
}

func (c *conversion) pluginConfig() []object {
	var all []object
	add := func(name string, args object) {
		if len(args) > 0 {
			all = append(all, object{"name": name, "args": args})
		}
	}
	own := object{}
	if added := c.addedAffinity(affinity); added != nil {
		own["addedAffinity"] = added
	}
	if len(c.serviceLabels) > 0 {
		own["serviceAffinity"] = object{"labels": c.serviceLabels}
	}
	if len(c.antiLabels) > 0 {
		own["serviceAntiAffinity"] = object{"labels": c.antiLabels, "weight": 100}
	}
	add(affinity, own)
	if added := c.addedAffinity(nodeAffinity); added != nil {
		add(nodeAffinity, object{"addedAffinity": added})
	}

	fit, ignored := object{}, c.ignoredResources()
	if len(ignored) > 0 {
		fit["ignoredResources"] = ignored
	}
	if len(c.strategies) > 0 {
		fit["scoringStrategy"] = c.strategies[0].args()
		// NodeResourcesBalancedAllocation has the policy's weight for it.
		fit["balancedAllocation"] = object{"weight": 0}
	}
	add(resourceFit, fit)
	switch {
	case len(c.strategies) > 1:
		add(nodeFit, object{"scoringStrategy": c.strategies[1].args()})
	case len(ignored) > 0:
		// Upstream hands it the extenders' resources and wants it to have args.
		add(nodeFit, object{"scoringStrategy": object{"type": "LeastAllocated"}})
	}

	if c.hardPodAffinityWeight != 0 {
		add(interPod, object{"hardPodAffinityWeight": c.hardPodAffinityWeight})
	}
	if c.weights[topologySpread] > 0 && !c.spreadsServices {
		add(topologySpread, object{"defaultingType": "List"})
	}
	return all
}

func (c *conversion) ignoredResources() []string {
	var names []string
	for _, e := range c.extenders {
		for _, r := range e.ManagedResources {
			if r.IgnoredByScheduler {
				names = append(names, r.Name)
			}
		}
	}
	return names
}

func (s *strategy) args() object {
	args := object{"type": s.kind}
	if s.ratio == nil {
		return args
	}
	args["requestedToCapacityRatio"] = object{"shape": s.ratio.Shape}
	if len(s.ratio.Resources) > 0 {
		var resources []resourceWeight
		for _, r := range s.ratio.Resources {
			resources = append(resources, resourceWeight{r.Name, cmp.Or(r.Weight, 1)})
		}
		args["resources"] = resources
	}
	return args
}

func (e *extender) convert() kubeschedulerv1.Extender {
	out := kubeschedulerv1.Extender{
		URLPrefix: e.URLPrefix, FilterVerb: e.FilterVerb, PreemptVerb: e.PreemptVerb, PrioritizeVerb: e.PrioritizeVerb, BindVerb: e.BindVerb,
		Weight: e.Weight, EnableHTTPS: e.EnableHTTPS, NodeCacheCapable: e.NodeCacheCapable, Ignorable: e.Ignorable,
		// The default was and is five seconds.
		HTTPTimeout: metav1.Duration{Duration: cmp.Or(time.Duration(e.HTTPTimeout), 5*time.Second)},
	}
	if e.TLSConfig != nil {
		t := kubeschedulerv1.ExtenderTLSConfig(*e.TLSConfig)
		out.TLSConfig = &t
	}
	for _, r := range e.ManagedResources {
		out.ManagedResources = append(out.ManagedResources, kubeschedulerv1.ExtenderManagedResource(r))
	}
	return out
}
