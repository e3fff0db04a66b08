// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import "time"

// QoS is what PredictedQoS makes of nodes, and whether it was right.
type QoS struct {
	// Profiles that have the plugin; empty where none has.
	Profiles []QoSProfile `json:"profiles"`
}

// QoSProfile is one profile's.
type QoSProfile struct {
	Profile string `json:"profile"`
	// Rung is what judges: model or utilisation.
	Rung string `json:"rung"`
	// Scores says whether nodes are scored and refused by it; false while scoreFrom waits for a model.
	Scores     bool           `json:"scores"`
	Objectives []QoSObjective `json:"objectives"`
	// Named objectives of the args, in their order; their pods are in Objectives, too.
	Named []QoSNamed `json:"named,omitempty"`
	// Time when Nodes were judged, which is done while pods are placed; absent before the first one.
	Time  *time.Time `json:"time,omitempty"`
	Nodes []QoSNode  `json:"nodes,omitempty"`
}

// QoSObjective is what was predicted for the pods of one objective that were placed, and what came.
type QoSObjective struct {
	Objective string `json:"objective"`
	QoSOutcomes
}

// QoSOutcomes are what was predicted for some pods, and what came.
type QoSOutcomes struct {
	// Placed pods, and those of them that were Judged: it is known what service they got from their nodes.
	Placed int `json:"placed"`
	Judged int `json:"judged"`
	// Predicted is how many of the Judged were predicted to lose their service: the sum of their risks. Violated is how many did.
	Predicted float64 `json:"predicted"`
	Violated  int     `json:"violated"`
	// Own violations are pods' own doing on any node, or their own word alone. They are not predicted.
	Own int `json:"own"`
}

// QoSNamed is what was predicted for the pods of an objective that the operator named, and what came.
type QoSNamed struct {
	Name string `json:"name"`
	QoSOutcomes
	// AtMost is what the objective's own query may say of a pod, in Unit: seconds, share, or empty for a bare number. Absent without a query.
	AtMost float64 `json:"atMost,omitempty"`
	Unit   string  `json:"unit,omitempty"`
	// Values that the query told of pods that waited for one.
	Values int `json:"values,omitempty"`
	// Failing is why the query failed last; empty where it was answered since.
	Failing string `json:"failing,omitempty"`
}

// QoSNode is the service that a typical pod of each objective would get on a node.
type QoSNode struct {
	Name    string                `json:"name"`
	Service map[string]QoSService `json:"service"`
}

// QoSService is what a pod is to expect.
type QoSService struct {
	// Risk that it loses its service, 0–1.
	Risk float64 `json:"risk"`
	// Low and High are its 80 % interval.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Class is good (a risk below .1), fair (below .3) or poor.
	Class string `json:"class"`
}
