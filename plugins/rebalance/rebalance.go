// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rebalance finds pods whose going to another node lets nodes suffer less, by the scheduler's own judgement.
//
// A pod is placed once and stays for weeks; what was right then is wrong later. Each time it is asked, a Planner looks at what each
// node is expected to use in the next hours (survey.go), beyond what it runs well at (harm.go), and asks for the pods whose going
// cures most where the scheduler would put them. A pod moves only if the harm to both nodes together then falls by more than
// a margin and what moving costs (plan.go), within budgets, and never twice within a time (ledger.go). What moves brought is held against what
// they promised, and a breaker stops them when they do not keep it (breaker.go).
//
// All of it is a function of what it is handed: a replay in virtual time and the leader of a cluster run the same.
package rebalance

import (
	"context"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Cluster is what a planner looks at. It writes to none of it.
type Cluster struct {
	Now time.Time
	// Slots are the parts of the time to come.
	Slots []Slot
	Nodes []Node
}

// Slot is a part of the time to come.
type Slot struct {
	Length time.Duration
	// Weight of what is suffered in it, 0–1: what is far ahead is less sure, and can be cured later.
	Weight float64
}

// Node with its pods.
type Node struct {
	Name string
	// Size is what pods may use, in cores and bytes.
	Size forecast.Amounts
	// Beyond is what it uses beyond its pods.
	Beyond [forecast.NumResources]forecast.Use
	// Unknown says that nothing recent is known of the node. No pod leaves it.
	Unknown bool
	Pods    []*Pod

	// Requested of it by all its pods, in cores and bytes.
	Requested forecast.Amounts
	// Packed says that it is one of the nodes among which packing chooses: selected, and the scheduler places pods on it.
	Packed bool
	// Kept is why it is not emptied, whatever runs on it; "" is nothing.
	Kept Reason
	// Marked is since when this scheduler has marked it as one that it empties; zero is not marked.
	Marked time.Time
}

// Pod on a node.
type Pod struct {
	UID, Namespace, Name string
	// Workload is its controller, with its namespace.
	Workload string
	Created  time.Time
	// Now is its level over the last quarter of an hour, in cores and bytes.
	Now forecast.Amounts
	// Latest is its CPU in its newest sample.
	Latest float64
	// Asked is the CPU that it requests, in cores, and AskedBytes the memory.
	Asked, AskedBytes float64
	// Use in each slot.
	Use []Uses
	// Measured says that Use is foretold from what the pod itself did, not from what others of its kind do.
	Measured bool
	// Fixed is why it may not move; "" is nothing.
	Fixed Reason
}

// named is the pod without its Use, for whoever keeps it after a look: a Use keeps those of all pods of the node alive.
func (p *Pod) named() *Pod {
	copied := *p
	copied.Use = nil
	return &copied
}

// Uses are one of each resource.
type Uses = [forecast.NumResources]forecast.Use

// Reason why a pod does not move, as metrics and records spell it.
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

// DryRun asks the scheduler.
type DryRun interface {
	// Best returns the nodes that the pod's profile would choose among if the pod left its node now: those that score highest. None is a
	// pod that fits nowhere. Moved are taken to be on their new nodes.
	Best(ctx context.Context, pod *Pod, node string, moved []Move) ([]string, error)
}

// Move of a pod.
type Move struct {
	Pod      *Pod
	From, To string
	At       time.Time
	// Before and After is what both nodes suffer together within the time that is looked ahead, in core minutes.
	Before, After float64
	// Cost of the move itself, in core minutes.
	Cost float64
	// Empties says that the move is one of those that empty From. Its gain is none; Left is how many pods are to leave after it.
	Empties bool
	Left    int
	// Peak is the slot and resource by which From is expected to suffer the most, with the pod and without it; PeakTo is To's with the pod.
	Peak, PeakTo Peak
}

// Peak of what a node is expected to use.
type Peak struct {
	Slot     int
	Resource forecast.Resource
	// Use of the node, and Less without the pod, of its Size, in cores or bytes.
	Use, Less, Size float64
}

// Gain is the core minutes of demand beyond what nodes run well at that the move saves, its cost taken off.
func (m *Move) Gain() float64 { return m.Before - m.After - m.Cost }
