// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

// Reason why the index cannot answer for a pod.
type Reason string

// The reasons for which terms cannot tell.
const (
	ReasonProfile  Reason = "profile"
	ReasonService  Reason = "service_affinity"
	ReasonInvalid  Reason = "invalid"
	ReasonTopology Reason = "too_many_topologies"
	ReasonSnapshot Reason = "snapshot"
	ReasonFilter   Reason = "filter_" // and the plugin's name
	ReasonPlugin   Reason = "plugin_" // and its name
)

// cannotSay notes why the index cannot answer for the pod. There is nothing to return, and so
// nothing to drop: the note is read where the answer is made.
func (q *Query) cannotSay(why Reason) {
	if q.why == "" {
		q.why = why
	}
}

// Why the index cannot answer for the pod; empty where it can.
func (q *Query) Why() Reason { return q.why }

// Proof points to what of a pod the index has judged all nodes by in this cycle, spread constraints and inter-pod terms:
// what upstream need not count for the node of the answer.
type Proof []any

// Covers says whether all of what was left out is proven. Both are in the same order, and each pointer is to the very one.
func (p Proof) Covers(left []any) bool {
	for _, proven := range p {
		if len(left) > 0 && left[0] == proven {
			left = left[1:]
		}
	}
	return len(left) == 0
}
