// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"slices"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Rule is what the operator wants for the pods that match it.
type Rule struct {
	namespaces              []string // of any where empty
	workload, priorityClass string   // any where empty

	// Objective that was Stated.
	Objective Objective
	Stated    bool
	// Name that the operator gave it; empty is none.
	Name string
	// Query measures the pod's service, in place of what else does; empty is none. More than AtMost on average is a violation; Unit is that of both.
	Query, Unit string
	AtMost      float64
	// ResponseTime that is allowed, in seconds, and the share of CFS periods, 0–1, in which the pod may be throttled; 0 is not stated.
	ResponseTime, Throttled float64
}

// Rules of a profile. The first that matches holds.
type Rules []Rule

// RulesOf args that were validated.
func RulesOf(objectives []config.QoSObjective) Rules {
	var rules Rules
	for i := range objectives {
		o := &objectives[i]
		at := slices.Index(config.QoSObjectives, o.Objective)
		rules = append(rules, Rule{
			namespaces: o.Namespaces, workload: o.Workload, priorityClass: o.PriorityClassName, Objective: Objective(max(at, 0)), Stated: at >= 0,
			ResponseTime: o.ResponseTime.Duration.Seconds(), Throttled: float64(o.MaxThrottledPercent) / 100,
			Name: o.Name, Query: o.Query, Unit: o.Unit, AtMost: o.AtMost.AsApproximateFloat64(),
		})
	}
	return rules
}

// For returns the rule for a pod, or nil.
func (r Rules) For(pod *v1.Pod) *Rule {
	for i := range r {
		if r[i].matches(pod) {
			return &r[i]
		}
	}
	return nil
}

// NameFor is the name of the rule for a pod; "" where there is none, or none that has a name.
func (r Rules) NameFor(pod *v1.Pod) string {
	if rule := r.For(pod); rule != nil {
		return rule.Name
	}
	return ""
}

// Queries of the rules, each once, in the order of the rules.
func (r Rules) Queries() (queries []string) {
	for i := range r {
		if q := r[i].Query; q != "" && !slices.Contains(queries, q) {
			queries = append(queries, q)
		}
	}
	return queries
}

func (r *Rule) matches(pod *v1.Pod) bool {
	switch {
	case len(r.namespaces) > 0 && !slices.Contains(r.namespaces, pod.Namespace):
		return false
	case r.priorityClass != "" && r.priorityClass != pod.Spec.PriorityClassName:
		return false
	case r.workload == "":
		return true
	}
	w, ok := forecast.WorkloadOf(pod)
	return ok && len(r.workload) == len(w.Kind)+1+len(w.Name) && r.workload[:len(w.Kind)] == w.Kind && r.workload[len(w.Kind)+1:] == w.Name
}
