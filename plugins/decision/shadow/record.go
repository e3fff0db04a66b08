// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shadow looks on while another scheduler places pods. For each of them it notes where this one would have placed it, follows what
// becomes of both nodes, and says what the difference would have been:
//
//	informer → Onlooker (queue, share of a CPU) → Ledger ← Follow (readings of usage) → Report
//
// It writes nothing to the cluster.
package shadow

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// Result of a decision, beside the other scheduler's.
type Result string

// The results there are.
const (
	// Same node, and no other one as good.
	Same Result = "same"
	// AsGood: the other scheduler's node is one of several that score the same.
	AsGood Result = "as-good"
	// Only one node was feasible, and the pod is there.
	Only Result = "only"
	// Differs: another node would have been chosen.
	Differs Result = "differs"
	// Nowhere: the pod would wait.
	Nowhere Result = "nowhere"
)

// Results are all of them, in the order in which they are told.
var Results = []Result{Same, AsGood, Only, Differs, Nowhere}

func resultOf(theirs string, p *decision.Placed) Result {
	switch {
	case p.Node == "":
		return Nowhere
	case p.Node != theirs:
		return Differs
	case p.Feasible == 1:
		return Only
	case p.Alike > 1:
		return AsGood
	}
	return Same
}

// Workload whose pods are told together; a pod without a controller is its own.
type Workload struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
}

// Record of a pod that another scheduler has placed.
type Record struct {
	Pod       decision.Pod `json:"pod"`
	Workload  Workload     `json:"workload"`
	Scheduler string       `json:"scheduler"`
	// Time when the pod was seen on its node.
	Time time.Time `json:"time"`
	// LagMilliseconds until it was decided, and how many pods had been placed Behind it by then, whose requests were taken off again.
	LagMilliseconds int64 `json:"lagMilliseconds"`
	Behind          int   `json:"behind,omitempty"`
	// Theirs is the node that the other scheduler chose.
	Theirs string `json:"theirs"`
	Result Result `json:"result"`
	// Ours says what would have been chosen.
	Ours decision.Placed `json:"ours"`
	// Together is the node that would have been chosen, had all pods before been placed by this scheduler too; empty is none.
	Together string `json:"together,omitempty"`
	// Came says what both nodes came to within each horizon, for a pod whose node differs.
	Came []Came `json:"came,omitempty"`
	// Ended says that the pod is gone, or that the last horizon is over.
	Ended bool `json:"ended,omitempty"`
}

// Came is what two nodes came to within a time after a decision, in minutes and core minutes. Theirs had the pod and Ours had not: that
// was measured. TheirsWithout and OursWith are what they would have come to, had only this pod been placed on the other node.
type Came struct {
	// Hours of the horizon.
	Hours float64 `json:"hours"`
	// Minutes in which both nodes and the pod were measured.
	Minutes       float64 `json:"minutes"`
	Theirs        Load    `json:"theirs"`
	TheirsWithout Load    `json:"theirsWithout"`
	Ours          Load    `json:"ours"`
	OursWith      Load    `json:"oursWith"`
}

// Load of a node.
type Load struct {
	// HotMinutes in which its CPU use was over 80 % of it.
	HotMinutes float64 `json:"hotMinutes"`
	// OverCoreMinutes of CPU that it used beyond 80 %.
	OverCoreMinutes float64 `json:"overCoreMinutes"`
}

func (l *Load) add(use, cores, minutes float64) {
	if over := use - decision.Hot*cores; over > 0 {
		l.HotMinutes += minutes
		l.OverCoreMinutes += over * minutes
	}
}

func (l Load) plus(o Load) Load {
	return Load{l.HotMinutes + o.HotMinutes, l.OverCoreMinutes + o.OverCoreMinutes}
}

func (l Load) minus(o Load) Load {
	return Load{l.HotMinutes - o.HotMinutes, l.OverCoreMinutes - o.OverCoreMinutes}
}

func (l Load) hotMinutes() float64      { return l.HotMinutes }
func (l Load) overCoreMinutes() float64 { return l.OverCoreMinutes }

// Gain is by how much less both nodes would have come to, had the pod been placed on ours.
func (c *Came) Gain() Load {
	return c.Theirs.plus(c.Ours).minus(c.TheirsWithout).minus(c.OursWith)
}

func (c *Came) plus(o *Came) {
	c.Minutes += o.Minutes
	c.Theirs, c.TheirsWithout = c.Theirs.plus(o.Theirs), c.TheirsWithout.plus(o.TheirsWithout)
	c.Ours, c.OursWith = c.Ours.plus(o.Ours), c.OursWith.plus(o.OursWith)
}
