// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
)

// Terms are by what one profile filters and scores, as far as the index knows it.
type Terms struct {
	terms []Term
	// unknown is what the index does not know about the profile; empty where it knows all.
	unknown string
	// others are the filters that no term judges. The index serves only pods that they have nothing to say about.
	others []string

	provers  []prover
	recounts bool // upstream counts pods in any case
	asked    int  // plugins
}

// Of reads a profile: enabled is what its framework runs, args how it was configured.
// plugins returns the profile's plugin of that name where it is one of ours, else nil.
func Of(enabled *kubeschedulerconfig.Plugins, args []kubeschedulerconfig.PluginConfig, features feature.Features, plugins func(string) fwk.Plugin) *Terms {
	p := newProfile(enabled, args, features, plugins)
	of := &Terms{}
	for _, t := range all() {
		if !t.read(p) {
			continue
		}
		of.terms = append(of.terms, t)
		if prover, ok := t.(prover); ok {
			of.provers = append(of.provers, prover)
		}
	}
	of.others = p.otherFilters()
	of.recounts = p.recounts || p.otherPreFilters()
	of.unknown, of.asked = p.unknown, len(p.toAsk)
	return of
}

// Unknown is what the index does not know about the profile; empty where it knows all.
func (p *Terms) Unknown() string { return p.unknown }

// Recounts says whether upstream counts pods in any case.
func (p *Terms) Recounts() bool { return p.recounts }

// KeptBits are kept for a row of a shape beside the row's score.
func (p *Terms) KeptBits() int { return 8 + 64*p.asked }

// Compile makes q ask what the pod asks, as far as the index can answer.
func (p *Terms) Compile(q *Query, pod *v1.Pod, state fwk.CycleState) {
	q.begin(pod, state)
	if p.unknown != "" {
		q.cannotSay(ReasonProfile)
		return
	}
	skipped := state.GetSkipFilterPlugins()
	for _, name := range p.others {
		if !skipped.Has(name) {
			q.cannotSay(ReasonFilter + Reason(name))
			return
		}
	}
	for _, t := range p.terms {
		t.compile(q)
	}
}

// Counts returns pointers to what upstream's PreFilter would count pods for and the index may have counted, in the order of
// proofs: hard spread constraints and required inter-pod terms.
func (p *Terms) Counts(pod *v1.Pod) (left []any) {
	if p.unknown != "" || p.recounts {
		return nil
	}
	for _, t := range p.provers {
		left = t.counts(left, pod)
	}
	return left
}

// Without returns the pod without what Counts returns of it.
func (p *Terms) Without(pod *v1.Pod) *v1.Pod {
	light := *pod
	for _, t := range p.provers {
		t.leaveOut(&light)
	}
	return &light
}
