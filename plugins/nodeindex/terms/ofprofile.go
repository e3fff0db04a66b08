// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
)

// Terms are everything that one profile filters and scores by, as far as the index knows it.
type Terms struct {
	terms []Term
	// unknown is the first thing about the profile that the index does not know, or empty.
	unknown string
	// others are the filters that no term judges. The index serves only pods for which upstream
	// skips them.
	others []string

	provers  []prover
	recounts bool // upstream counts pods in any case
	asked    int  // plugins
}

// Of reads a profile. enabled are the plugins that its framework runs, and args its configuration.
// plugins returns the profile's plugin of that name if it is one of ours, otherwise nil.
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

// Unknown returns the first thing about the profile that the index does not know, or "".
func (p *Terms) Unknown() string { return p.unknown }

// Recounts reports whether upstream counts pods in any case.
func (p *Terms) Recounts() bool { return p.recounts }

// KeptBits returns the number of bits kept for a row of a shape besides its score.
func (p *Terms) KeptBits() int { return 8 + 64*p.asked }

// Compile makes q the query for the pod, as far as the index can answer.
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

// Counts returns pointers to the pod's hard spread constraints and required inter-pod terms, in the
// order of proofs. Upstream's PreFilter would count pods for these, and the index may have counted
// them already.
func (p *Terms) Counts(pod *v1.Pod) (left []any) {
	if p.unknown != "" || p.recounts {
		return nil
	}
	for _, t := range p.provers {
		left = t.counts(left, pod)
	}
	return left
}

// Without returns the pod without what Counts returns.
func (p *Terms) Without(pod *v1.Pod) *v1.Pod {
	light := *pod
	for _, t := range p.provers {
		t.leaveOut(&light)
	}
	return &light
}
