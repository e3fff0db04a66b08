// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

// Reason is why the index cannot answer for a pod.
type Reason string

// These are the reasons why terms cannot tell.
const (
	ReasonProfile  Reason = "profile"
	ReasonService  Reason = "service_affinity"
	ReasonInvalid  Reason = "invalid"
	ReasonTopology Reason = "too_many_topologies"
	ReasonSnapshot Reason = "snapshot"
	ReasonFilter   Reason = "filter_" // and the plugin's name
	ReasonPlugin   Reason = "plugin_" // and its name
)

// cannotSay records why the index cannot answer for the pod. It returns nothing that a caller could
// drop: the record is read where the answer is made.
func (q *Query) cannotSay(why Reason) {
	if q.why == "" {
		q.why = why
	}
}

// Why returns why the index cannot answer for the pod, or "" if it can.
func (q *Query) Why() Reason { return q.why }

// Proof are pointers to the pod's spread constraints and inter-pod terms by which the index has
// judged all nodes in this cycle. Upstream need not count these for the node of the answer.
type Proof []any

// Covers reports whether everything in left is proven. Both are in the same order, and pointers
// must be identical.
func (p Proof) Covers(left []any) bool {
	for _, proven := range p {
		if len(left) > 0 && left[0] == proven {
			left = left[1:]
		}
	}
	return len(left) == 0
}
