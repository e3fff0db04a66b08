// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import v1 "k8s.io/api/core/v1"

// reason why the index cannot answer for a pod.
type reason string

// The reasons for which the index does not serve a pod.
const (
	reasonProfile   reason = "profile"
	reasonGroup     reason = "pod_group"
	reasonNominated reason = "nominated_node"
	reasonNamed     reason = "named_nodes"
	reasonExtender  reason = "extender"
	reasonService   reason = "service_affinity"
	reasonInvalid   reason = "invalid"
	reasonTopology  reason = "too_many_topologies"
	reasonSnapshot  reason = "snapshot"
	reasonUnasked   reason = "not_asked"
	reasonFilter    reason = "filter_" // and the plugin's name
	reasonPlugin    reason = "plugin_" // and its name
)

// answer is what the index says of a pod in one cycle. The zero value says nothing, and whatever
// says nothing has upstream search: only Index.answer makes one that says more, and it does so
// only for a query that no part of the index has called into question.
type answer struct {
	says  bool
	node  string // "" where none is feasible
	proof proof
	why   reason // where it says nothing
	found found
}

// Answer is what the index said of a pod, for whoever keeps what was decided.
type Answer struct {
	// Node is the best one; empty where the index finds none feasible, or does not say.
	Node string
	// Score of the node, 0 where it is the only one, and Alike how many nodes have it.
	Score int64
	Alike int
	// Feasible nodes.
	Feasible int
	// Bypass is why the index does not say; empty where it does.
	Bypass string
}

func (a *answer) told() Answer {
	return Answer{Node: a.hint(), Score: a.found.score, Alike: a.found.ties, Feasible: a.found.feasible, Bypass: string(a.why)}
}

// unanswered says nothing, for that reason.
func unanswered(why reason) answer { return answer{why: why} }

// hint is the node to hand to upstream, or "".
func (a *answer) hint() string {
	if !a.says {
		return ""
	}
	return a.node
}

// cannotSay notes why the index cannot answer for the pod. There is nothing to return, and so
// nothing to drop: the note is read where the answer is made.
func (q *query) cannotSay(why reason) {
	if q.why == "" {
		q.why = why
	}
}

// proof are the constraints and terms of a pod that the index has judged all nodes by in this
// cycle: what upstream need not count for the node of the answer. It is valid until the next
// query.
type proof struct {
	spread   []*v1.TopologySpreadConstraint
	required []*v1.PodAffinityTerm
}

// covers says whether all of what was left out is proven. Both are in the pod's order.
func (p proof) covers(left leftOut) bool {
	return contain(p.spread, left.spread) && contain(p.required, left.required)
}

// contain says whether all of some are among all, in the same order.
func contain[T comparable](all, some []T) bool {
	for _, one := range all {
		if len(some) > 0 && some[0] == one {
			some = some[1:]
		}
	}
	return len(some) == 0
}
