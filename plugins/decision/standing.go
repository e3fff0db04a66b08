// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import "time"

// Explanation answers why a pod is where it is, or waits.
type Explanation struct {
	// Record of the newest decision on the pod; nil where nobody recorded it: it is older than what is kept, or another
	// scheduler's.
	Record *Record `json:"record,omitempty"`
	// Node that the pod is on now; of a pod that is Gone, the one that it was placed on.
	Node string `json:"node,omitempty"`
	// Scheduler that the pod asks for.
	Scheduler string `json:"scheduler"`
	// Profile that the evaluation is by.
	Profile string `json:"profile"`
	// Evaluation at the time of the decision where there is one, else of now; nil of a pod that is Gone and has none.
	Evaluation *Evaluation `json:"evaluation"`
	// Gone says that there is no pod of that name any more: what is told of it are its Moves, and the decision while that is kept.
	Gone bool `json:"gone,omitempty"`
	// Moves of the pod, or to which it owes its being there, the newest first.
	Moves []Move `json:"moves,omitempty"`
	// Stays says why the rebalancer leaves the pod where it is; nil where its going would help nobody.
	Stays *Stays `json:"stays,omitempty"`
}

// Nodes is what is known and predicted of all nodes.
type Nodes struct {
	Time  time.Time `json:"time"`
	Epoch uint64    `json:"epoch,omitempty"`
	// Blind says that too little is known for verdicts by forecasts.
	Blind bool   `json:"blind,omitempty"`
	Nodes []Node `json:"nodes"`
	// Realised says how forecasts of the past came out, over all nodes; empty before any has.
	Realised []Realised `json:"realised,omitempty"`
}

// Node is what one node uses, has promised, and is predicted to use, in cores and bytes.
type Node struct {
	Name string `json:"name"`
	Pods int    `json:"pods"`
	// Rung of its forecast: fresh, stale, profile or requests. AgeSeconds is that of its newest sample, -1 without one.
	Rung       string    `json:"rung"`
	AgeSeconds float64   `json:"ageSeconds"`
	CPU        Resources `json:"cpu"`
	Memory     Resources `json:"memory"`
	// Misses are the last hours that did not come out as forecast, the newest first; absent unless they were asked for.
	Misses []Miss `json:"misses,omitempty"`
}

// Miss is an hour in which the largest use of a resource was not within what was forecast when it began, in cores or bytes.
type Miss struct {
	// Begin of the hour.
	Begin    time.Time `json:"begin"`
	Resource string    `json:"resource"`
	Forecast Range     `json:"forecast"`
	Came     float64   `json:"came"`
}

// Resources of a node, of one kind.
type Resources struct {
	Allocatable float64 `json:"allocatable"`
	Requested   float64 `json:"requested"`
	// Used at the newest sample; absent where it is not known.
	Used *float64 `json:"used,omitempty"`
	// Expected use at any moment, and the bounds of the largest use within an hour and a day.
	Expected float64 `json:"expected"`
	Hour     Range   `json:"hour"`
	Day      Range   `json:"day"`
	// Hours of the node by how its forecasts came out; absent before any has.
	Hours *Hours `json:"hours,omitempty"`
}

// Hours counts hours whose peak was within, above and below what was forecast when they began. A node's are remembered as long as
// the node is.
type Hours struct {
	Within uint32 `json:"within"`
	Above  uint32 `json:"above"`
	Below  uint32 `json:"below"`
}

// Held is the share of the hours that stayed below the upper bound, 0–1, and whether there was any hour.
func (h *Hours) Held() (share float64, known bool) {
	if h == nil || h.Within+h.Above+h.Below == 0 {
		return 0, false
	}
	return float64(h.Within+h.Below) / float64(h.Within+h.Above+h.Below), true
}

// Range of a largest use.
type Range struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// Realised is how many hours of nodes came out within, above and below what was forecast when they began.
type Realised struct {
	Resource string `json:"resource"`
	Within   uint64 `json:"within"`
	Above    uint64 `json:"above"`
	Below    uint64 `json:"below"`
	// Promised is the share of hours that is to stay below the upper bound, 0–1.
	Promised float64 `json:"promised"`
}

// Workloads is what is forecast of pods, by workload.
type Workloads struct {
	Time      time.Time  `json:"time"`
	Workloads []Workload `json:"workloads"`
}

// Workload is what one pod of it is forecast to use, in cores and bytes.
type Workload struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	// Pods that run, and those of them that were Measured.
	Pods     int `json:"pods"`
	Measured int `json:"measured"`
	// Rung that the forecast of its pods comes from.
	Rung string `json:"rung"`
	// Requested by a pod.
	RequestedCPU    float64 `json:"requestedCPU"`
	RequestedMemory float64 `json:"requestedMemory"`
	// MeanCPU and MeanMemory are expected at any moment, the bounds of the largest use within a day.
	MeanCPU    float64 `json:"meanCPU"`
	MeanMemory float64 `json:"meanMemory"`
	CPU        Range   `json:"cpu"`
	Memory     Range   `json:"memory"`
	// LifeSeconds is how long its pods run that end by themselves; 0 is not known.
	LifeSeconds float64 `json:"lifeSeconds,omitempty"`
}
