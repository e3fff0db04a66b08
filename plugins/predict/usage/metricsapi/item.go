// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metricsapi

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// item is one of a list: what a node or a pod used.
type item struct {
	pod             bool
	namespace, name string
	at              time.Time // Zero is not known.
	window          time.Duration
	node            amounts     // of a node
	containers      []container // of a pod
}

// container of a pod.
type container struct {
	name string
	amounts
}

// resources that are read.
const (
	cpu = iota
	memory
	numResources
)

// amounts are what was used of each resource.
type amounts struct {
	value [numResources]float64
	known [numResources]bool
}

// set sets the amount of a resource, of which others than CPU and memory are skipped.
func (a *amounts) set(name, quantity string) {
	r := cpu
	switch corev1.ResourceName(name) {
	case corev1.ResourceCPU:
	case corev1.ResourceMemory:
		r = memory
	default:
		return
	}
	a.value[r], a.known[r] = value(quantity), true
}

// reset makes the item one of which nothing is known, and keeps its room.
func (i *item) reset() { *i = item{containers: i.containers[:0]} }

// sample of the item: the node's amounts, or the sum over the containers. Where one of them lacks a resource there is no sum: a
// part of a pod's usage is not the pod's usage.
func (i *item) sample() usage.Sample {
	s := usage.Sample{Time: i.at, Window: i.window}
	total := i.node
	if len(i.containers) > 0 {
		total = sum(distinct(i.containers))
	}
	for r, q := range [numResources]usage.Quantity{usage.CPU, usage.Memory} {
		if total.known[r] {
			s.Set(q, total.value[r])
		}
	}
	return s
}

func sum(containers []container) (total amounts) {
	total.known = [numResources]bool{true, true}
	for r := range numResources {
		for i := range containers {
			c := &containers[i]
			if !c.known[r] {
				total.known[r], total.value[r] = false, 0
				break
			}
			if !(c.value[r] >= 0) {
				total.value[r] = c.value[r] // Not hidden by the others, for the Cleaner to drop and to count.
				break
			}
			total.value[r] += c.value[r]
		}
	}
	return total
}

// few is how many names are compared one by one.
const few = 16

// distinct returns each container once, in the room of containers. Adapters of Prometheus answer a container twice where two
// servers scraped it, or both of it and of its cgroup: the larger amount counts, for one of the two may be that of an hour ago.
// They answer the cgroup of the whole pod as a container without a name, and the pause container as POD: neither counts beside
// containers that have names.
func distinct(containers []container) []container {
	var index map[string]int
	if len(containers) > few {
		index = make(map[string]int, len(containers))
	}
	find := func(out []container, name string) (int, bool) {
		if index != nil {
			i, ok := index[name]
			return i, ok
		}
		for i := range out {
			if out[i].name == name {
				return i, true
			}
		}
		return 0, false
	}
	whole, hasWhole := container{}, false
	out := containers[:0]
	for _, c := range containers {
		if c.name == "" || c.name == "POD" {
			if !hasWhole || c.name == "" {
				whole, hasWhole = c, true
			}
			continue
		}
		i, ok := find(out, c.name)
		if !ok {
			if index != nil {
				index[c.name] = len(out)
			}
			out = append(out, c)
			continue
		}
		for r := range numResources {
			if c.known[r] && (!out[i].known[r] || !(c.value[r] <= out[i].value[r])) {
				out[i].value[r], out[i].known[r] = c.value[r], true
			}
		}
	}
	if len(out) == 0 && hasWhole {
		return append(out, whole)
	}
	return out
}
