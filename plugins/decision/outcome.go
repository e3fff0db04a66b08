// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// followed is for how long what becomes of a decision is measured.
const followed = 24 * time.Hour

const (
	// Hot is the share of its allocatable CPU beyond which a node is hot.
	Hot = .8
	// LongestGap between two measurements of which the later one counts for the time between them.
	LongestGap = 10 * time.Minute
)

// Follow notes in the records of a ring what nodes and pods came to, by a clean reading. Machines tells the size of a node; nil is not
// known. One goroutine calls it, and writes nothing to the reading.
func Follow(ring *Ring, machines usage.Machines, r *usage.Reading) {
	nodes := make(map[string]*usage.Sample, len(r.Nodes))
	for i := range r.Nodes {
		nodes[r.Nodes[i].Node] = &r.Nodes[i].Sample
	}
	type key struct{ namespace, name string }
	pods := make(map[key]*usage.PodSample, len(r.Pods))
	for i := range r.Pods {
		pods[key{r.Pods[i].Namespace, r.Pods[i].Name}] = &r.Pods[i]
	}
	for k := range ring.Newest() {
		record := k.Bare()
		if record.Node == "" {
			continue
		}
		sample := nodes[record.Node]
		if sample == nil || !sample.Time.After(record.Time) {
			continue
		}
		age := sample.Time.Sub(record.Time)
		if age > followed {
			continue
		}
		came := Outcome{}
		if before := k.Outcome(); before != nil {
			came = *before
		}
		since := came.Until
		came.Until = sample.Time
		came.NodeCPU, came.NodeMemory = larger(came.NodeCPU, sample, usage.CPU), larger(came.NodeMemory, sample, usage.Memory)
		if age <= time.Hour {
			came.NodeHourCPU, came.NodeHourMemory = came.NodeCPU, came.NodeMemory
		}
		if pod := pods[key{record.Pod.Namespace, record.Pod.Name}]; pod != nil && (pod.UID == "" || pod.UID == record.Pod.UID) {
			came.PodCPU, came.PodMemory = larger(came.PodCPU, &pod.Sample, usage.CPU), larger(came.PodMemory, &pod.Sample, usage.Memory)
			if !since.IsZero() && machines != nil {
				came.passed(sample, sample.Time.Sub(since), machines, record.Node)
			}
		}
		k.Came(&came)
	}
}

// passed adds the time since the last measurement, as hot as the node is at this one.
func (o *Outcome) passed(s *usage.Sample, time time.Duration, machines usage.Machines, node string) {
	cpu, measured := s.Get(usage.CPU)
	machine, known := machines(node)
	if !measured || !known || machine.Cores <= 0 || time <= 0 || time > LongestGap {
		return
	}
	minutes := time.Minutes()
	o.Minutes += minutes
	if beyond := cpu - Hot*machine.Cores; beyond > 0 {
		o.HotMinutes += minutes
		o.BeyondCoreMinutes += minutes * beyond
	}
}

func larger(v float64, s *usage.Sample, q usage.Quantity) float64 {
	if measured, ok := s.Get(q); ok {
		return max(v, measured)
	}
	return v
}
