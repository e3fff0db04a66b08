// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import "github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"

// These are the reasons why the index is not asked about a pod, besides those why terms cannot
// tell.
const (
	reasonGroup     terms.Reason = "pod_group"
	reasonNominated terms.Reason = "nominated_node"
	reasonNamed     terms.Reason = "named_nodes"
	reasonExtender  terms.Reason = "extender"
	reasonUnasked   terms.Reason = "not_asked"
)

// answer is what the index says of a pod in one cycle. The zero value says nothing, and then
// upstream searches. Only Index.answer makes one that says more, and only for a query that no term
// has called into question.
type answer struct {
	says  bool
	node  string // "" where none is feasible
	proof terms.Proof
	why   terms.Reason // where it says nothing
	found found
}

// Answer is what the index said of a pod, for recording decisions.
type Answer struct {
	// Node is the best node. It is empty if no node is feasible or the index does not say.
	Node string
	// Score is that of the node, or 0 if it is the only feasible one. Alike is how many nodes have
	// the same score.
	Score int64
	Alike int
	// Feasible is the number of feasible nodes.
	Feasible int
	// Bypass is why the index does not say. It is empty if it does.
	Bypass string
}

func (a *answer) told() Answer {
	return Answer{Node: a.hint(), Score: a.found.score, Alike: a.found.ties, Feasible: a.found.feasible, Bypass: string(a.why)}
}

// unanswered returns an answer that says nothing, for that reason.
func unanswered(why terms.Reason) answer { return answer{why: why} }

// hint returns the node to give to upstream, or "".
func (a *answer) hint() string {
	if !a.says {
		return ""
	}
	return a.node
}
