// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rebalance finds pods whose move to another node lets nodes suffer less, by the
// scheduler's own judgement.
//
// A pod is placed once and may stay for weeks, and the choice that was right then may be wrong
// later. At each look a Planner computes what each node is expected to use in the next hours
// (survey.go) above the level up to which it runs well (harm.go). It asks the scheduler where it
// would place the pods whose leaving helps most. A pod moves only if that lowers the harm to both
// nodes together by more than a margin and the cost of the move (plan.go), within budgets, and
// never twice within a time (ledger.go). A breaker compares what moves brought with what they
// promised, and stops moves that bring too little (breaker.go).
//
// Everything is a function of its inputs: a replay in virtual time and the leader of a cluster run
// the same code.
package rebalance

import (
	"context"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Cluster is what a planner looks at. The planner does not change it.
type Cluster struct {
	Now time.Time
	// Slots are the parts of the time ahead.
	Slots []Slot
	Nodes []Node
}

// Slot is a part of the time ahead.
type Slot struct {
	Length time.Duration
	// Weight is that of the harm in the slot, 0–1. The far future is less certain and can be cured
	// later.
	Weight float64
}

// Node is a node with its pods.
type Node struct {
	Name string
	// Size is the node's allocatable, in cores and bytes.
	Size forecast.Amounts
	// Beyond is the use of the node beyond its pods.
	Beyond [forecast.NumResources]forecast.Use
	// Unknown is true if nothing recent is known of the node. No pod then leaves it.
	Unknown bool
	Pods    []*Pod

	// Requested is the sum of its pods' requests, in cores and bytes.
	Requested forecast.Amounts
	// Packed is true if packing chooses among this node and others: it is selected and the
	// scheduler places pods on it.
	Packed bool
	// Kept is why it is not emptied, whatever runs on it. "" is no reason.
	Kept Reason
	// Marked is since when this scheduler has marked it as being emptied, or zero if it is not
	// marked.
	Marked time.Time
}

// Pod is a pod on a node.
type Pod struct {
	UID, Namespace, Name string
	// Workload is its controller, with its namespace.
	Workload string
	Created  time.Time
	// Now is its average use over the last 15 minutes, in cores and bytes.
	Now forecast.Amounts
	// Latest is the CPU of its newest sample, in cores.
	Latest float64
	// Asked is its CPU request, in cores, and AskedBytes its memory request.
	Asked, AskedBytes float64
	// Use is its expected use in each slot.
	Use []Uses
	// Measured is true if Use is forecast from the pod's own past, not from that of similar pods.
	Measured bool
	// Fixed is why it may not move. "" is no reason.
	Fixed Reason
}

// named returns a copy without Use, for keeping after a look: each Use shares memory with those of
// all pods of the node.
func (p *Pod) named() *Pod {
	copied := *p
	copied.Use = nil
	return &copied
}

// Uses are one use for each resource.
type Uses = [forecast.NumResources]forecast.Use

// Reason is why a pod does not move, as metrics and records spell it.
type Reason string

// Reasons.
const (
	Static        Reason = "static"          // the kubelet's own pod
	OfDaemonSet   Reason = "daemonset"       // it has no other node
	OfJob         Reason = "job"             // its work would be lost
	Bare          Reason = "bare"            // nobody makes it anew
	Deleting      Reason = "deleting"        // on its way already
	NotRunning    Reason = "not-running"     // not started or finished
	LocalData     Reason = "local-data"      // emptyDir or hostPath
	Unsafe        Reason = "safe-to-evict"   // the autoscaler's annotation says false
	Responds      Reason = "responders"      // it names evictionResponders, whom the Eviction API passes by
	Important     Reason = "priority"        // above the bound
	OtherTenant   Reason = "namespace"       // outside the selector
	OtherPlacer   Reason = "scheduler"       // of another scheduler
	Unmeasured    Reason = "unmeasured"      // nothing is known of what it does
	TooSoon       Reason = "too-soon"        // moved, or perhaps moved, a short time ago
	HourBudget    Reason = "budget-hour"     // so many have moved within an hour
	NodeBudget    Reason = "budget-node"     // from or to the node
	WorkloadSpent Reason = "budget-workload" // of its workload
	TenantBudget  Reason = "budget-namespace"
	Stays         Reason = "stays"    // the scheduler would put it back
	NoNode        Reason = "no-node"  // it fits nowhere else
	WentBack      Reason = "back"     // the scheduler would put it on a node that it left
	TooLittle     Reason = "gain"     // the gain is less than the margin and the cost
	Stopped       Reason = "breaker"  // moves did not keep what they promised
	Disrupts      Reason = "pdb"      // a PodDisruptionBudget refused the eviction
	Failed        Reason = "error"    // the API server or the dry run failed
	Awaits        Reason = "awaiting" // the last move's pod does not run yet
	IntoEmptying  Reason = "emptying" // the scheduler would put it on a node that is being emptied
)

// DryRun asks the scheduler where a pod would go.
type DryRun interface {
	// Best returns the nodes that the pod's profile would choose among if the pod left its node
	// now: those with the highest score. If there is none, the pod fits nowhere. The pods of moved
	// count as being on their new nodes.
	Best(ctx context.Context, pod *Pod, node string, moved []Move) ([]string, error)
}

// Move is the move of a pod to another node.
type Move struct {
	Pod      *Pod
	From, To string
	At       time.Time
	// Before and After are how much both nodes together suffer within the time ahead, without and
	// with the move, in core minutes.
	Before, After float64
	// Cost is that of the move itself, in core minutes.
	Cost float64
	// Empties is true if the move is one of those that empty From. It has no gain, and Left is how
	// many pods are to leave after it.
	Empties bool
	Left    int
	// Peak is the slot and resource by which From is expected to suffer the most, with and without
	// the pod. PeakTo is that of To with the pod.
	Peak, PeakTo Peak
}

// Peak is the largest expected use of a node.
type Peak struct {
	Slot     int
	Resource forecast.Resource
	// Use is that of the node, Less the use without the pod, and Size the node's size, in cores or
	// bytes.
	Use, Less, Size float64
}

// Gain returns what the move saves, in core minutes of demand above the level up to which nodes run
// well, minus its cost. For example, a move from 100 to 40 core minutes that costs 5 gains 55.
func (m *Move) Gain() float64 { return m.Before - m.After - m.Cost }
