// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package world makes the worlds that decisions are replayed in: nodes, pods that come and go at given times, and what
// each pod will use, whoever places it where. A world is the same for every scheduler that is tried in it, and nobody
// writes to it once it is made.
package world

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
)

// Step is the time over which use is an average, and how often it is measured.
const Step = 5 * time.Minute

// World is everything that happens, whatever a scheduler decides. Times are offsets from Begin.
type World struct {
	// Name of the trace or the recording, and the seed of what was drawn.
	Name string
	Seed uint64
	// Begin is when the world begins, a full hour.
	Begin time.Time
	// Steps there are.
	Steps int
	Nodes []*v1.Node
	// Pods in the order in which they come.
	Pods []Pod
	// Services and ReplicaSets are what pods spread by.
	Services    []*v1.Service
	ReplicaSets []*appsv1.ReplicaSet
}

// Pod is one pod of a world.
type Pod struct {
	// Object as it is created, without a node.
	Object *v1.Pod
	// Start is when the pod is created and End when it is gone.
	Start, End time.Duration
	// Pinned is the node of a pod that no scheduler places, such as a DaemonSet's; else empty.
	Pinned string
	// CPU in cores and Memory in bytes that the pod would use in each step of the world, were it there and alone.
	// Pods that follow each other in one place share them.
	CPU, Memory []float32
}

// Index returns the step that a time is in.
func Index(at time.Duration) int { return int(at / Step) }

// Density is the mean CPU use of the pods over what the nodes have, from a time on.
func (w *World) Density(from time.Duration) float64 {
	used := 0.0
	for i := range w.Pods {
		p := &w.Pods[i]
		for k := Index(max(from, p.Start) + Step - 1); k < min(w.Steps, Index(p.End+Step-1)); k++ {
			used += float64(p.CPU[k])
		}
	}
	cores, _ := w.Total()
	return used / cores / float64(max(1, w.Steps-Index(from)))
}

// Capacity returns the cores and bytes of a node that pods may use.
func Capacity(n *v1.Node) (cores, bytes float64) {
	return n.Status.Allocatable.Cpu().AsApproximateFloat64(), n.Status.Allocatable.Memory().AsApproximateFloat64()
}

// Total is the cores and bytes of all nodes.
func (w *World) Total() (cores, bytes float64) {
	for _, n := range w.Nodes {
		c, b := Capacity(n)
		cores, bytes = cores+c, bytes+b
	}
	return cores, bytes
}

// Sort puts pods in the order in which they come.
func (w *World) Sort() {
	slices.SortStableFunc(w.Pods, func(a, b Pod) int {
		if a.Start != b.Start {
			return cmp.Compare(a.Start, b.Start)
		}
		if c := a.Object.CreationTimestamp.Compare(b.Object.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Object.Name, b.Object.Name)
	})
}
