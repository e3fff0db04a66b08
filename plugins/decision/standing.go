// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import "time"

// Explanation answers why a pod is where it is, or waits.
type Explanation struct {
	// Record of the newest decision on the pod; nil where nobody recorded it: it is older than what is kept, or another
	// scheduler's.
	Record *Record `json:"record,omitempty"`
	// Node that the pod is on now.
	Node string `json:"node,omitempty"`
	// Scheduler that the pod asks for.
	Scheduler string `json:"scheduler"`
	// Profile that the evaluation is by.
	Profile string `json:"profile"`
	// Evaluation at the time of the decision where there is one, else of now.
	Evaluation *Evaluation `json:"evaluation"`
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
