// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import "github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"

// The reasons for which the index is not asked about a pod, beside those for which terms cannot tell.
const (
	reasonGroup     terms.Reason = "pod_group"
	reasonNominated terms.Reason = "nominated_node"
	reasonNamed     terms.Reason = "named_nodes"
	reasonExtender  terms.Reason = "extender"
	reasonUnasked   terms.Reason = "not_asked"
)

// answer is what the index says of a pod in one cycle. The zero value says nothing, and whatever
// says nothing has upstream search: only Index.answer makes one that says more, and it does so
// only for a query that no term has called into question.
type answer struct {
	says  bool
	node  string // "" where none is feasible
	proof terms.Proof
	why   terms.Reason // where it says nothing
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
func unanswered(why terms.Reason) answer { return answer{why: why} }

// hint is the node to hand to upstream, or "".
func (a *answer) hint() string {
	if !a.says {
		return ""
	}
	return a.node
}
