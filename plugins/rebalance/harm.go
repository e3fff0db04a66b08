// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

// sum is the use of some pods in each slot: means, variances and deviations of each resource.
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

// with writes the sum plus (sign 1) or minus (sign −1) a pod to into, and returns it.
func (s sum) with(p *Pod, sign float64, into sum) sum {
	copy(into, s)
	into.add(p, sign)
	return into
}

// suffers returns how much a node whose pods use that much is expected to use above the level up to
// which it runs well, in weighted core minutes. Memory counts by its share of the node. For
// example, if a node of 16 cores has a tenth too much memory in use for an hour of weight 1, that
// is .1·16·60 = 96 core minutes.
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

// peak returns the slot in which a node suffers the most with a pod, and the resource by which it
// does. If it never suffers, it is the slot and resource in which the node is fullest. use includes
// the pod.
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

// Until returns the time from now to the beginning of a slot.
func (c *Cluster) Until(slot int) (ahead time.Duration) {
	for _, s := range c.Slots[:slot] {
		ahead += s.Length
	}
	return ahead
}
