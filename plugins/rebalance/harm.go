// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

// sum of what some pods use in each slot: means, variances and deviations of each resource.
type sum []forecast.NodeUse

func (c *Cluster) sumOf(n *Node) sum {
	s := make(sum, len(c.Slots))
	for _, p := range n.Pods {
		s.add(p, 1)
	}
	return s
}

func (s sum) add(p *Pod, sign float64) {
	for k := range s {
		s[k].Plus(p.Use[k], sign)
	}
}

// with returns the sum with or, where sign is −1, without a pod, in one that it is handed.
func (s sum) with(p *Pod, sign float64, into sum) sum {
	copy(into, s)
	into.add(p, sign)
	return into
}

// suffers is what a node whose pods use so much is expected to use beyond what it runs well at, in core minutes, weighted. Memory
// counts by its share of the node: a tenth of the memory too much for a minute is a tenth of the cores for a minute.
func (c *Cluster) suffers(n *Node, use sum) (total float64) {
	runsWell := cycle.RunsWell()
	for k, slot := range c.Slots {
		share := 0.0
		for r := range n.Size {
			share += harm.Excess(use[k].And(r, &n.Beyond[r]), runsWell[r]*n.Size[r], n.Size[r])
		}
		total += share * n.Size[forecast.CPU] * slot.Length.Minutes() * slot.Weight
	}
	return total
}

// peak is the slot in which a node suffers the most with a pod, and the resource by which it does; where it suffers nothing, that which is the
// fullest. Use includes the pod.
func (c *Cluster) peak(n *Node, use sum, pod *Pod) (p Peak) {
	runsWell := cycle.RunsWell()
	worst, fullest := 0.0, -1.0
	for k := range use {
		for r, size := range n.Size {
			if !(size > 0) {
				continue
			}
			expected := use[k].And(r, &n.Beyond[r])
			suffers, full := harm.Excess(expected, runsWell[r]*size, size), expected.Mean/size
			if suffers > worst || suffers == worst && full > fullest {
				worst, fullest = suffers, full
				p = Peak{Slot: k, Resource: forecast.Resource(r), Use: expected.Mean, Less: expected.Mean - pod.Use[k][r].Mean, Size: size}
			}
		}
	}
	return p
}

// Until is how far ahead of now a slot begins.
func (c *Cluster) Until(slot int) (ahead time.Duration) {
	for _, s := range c.Slots[:slot] {
		ahead += s.Length
	}
	return ahead
}
