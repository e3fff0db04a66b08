// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"cmp"
	"math"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const (
	// tooSmall is how many times its request a pod must be expected to use for another request to be suggested, and by how many cores more.
	tooSmall, tooSmallBy = 1.5, .1
	// mostResizes are suggested.
	mostResizes = 20
	// requestStep is what suggested requests are rounded up to, in cores.
	requestStep = .05
)

// Resize is another CPU request for the pods of a workload, which nobody makes but its owner: the kubelet can do so in place.
type Resize struct {
	Namespace string `json:"namespace"`
	// Workload is the controller as namespace/kind/name.
	Workload string `json:"workload"`
	// Pods of it on nodes that suffer, and the Node and Pod with the largest need.
	Pods int    `json:"pods"`
	Node string `json:"node"`
	Pod  string `json:"pod"`
	// Requested now by that pod, and Suggested, in cores.
	Requested float64 `json:"requested_cores"`
	Suggested float64 `json:"suggested_cores"`
}

// resizes are larger CPU requests for pods whose requests are far below their use, the largest lack first. If a node's requests fit into what it
// runs well at, but its expected use does not, more pods would be packed onto it: such nodes are looked at. A suggested request covers the largest
// use that is expected in any slot, and one deviation: a pod of 2 ± .25 cores is suggested 2.25.
func (s *state) resizes(margin float64) (all []Resize) {
	byWorkload := map[string]int{}
	c := s.cluster
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if s.suffers[i] <= margin || n.Unknown || n.Size[forecast.CPU] <= 0 || !n.seemsFree() || !c.overCPU(n, s.sums[i]) {
			continue
		}
		for _, p := range n.Pods {
			need := p.need()
			if p.Workload == "" || !p.Measured || need < tooSmall*p.Asked || need-p.Asked < tooSmallBy {
				continue
			}
			r := Resize{Namespace: p.Namespace, Workload: p.Workload, Pods: 1, Node: n.Name, Pod: p.Name, Requested: p.Asked, Suggested: math.Ceil(need/requestStep-1e-9) * requestStep}
			at, known := byWorkload[p.Workload]
			switch {
			case !known:
				byWorkload[p.Workload] = len(all)
				all = append(all, r)
			case r.Suggested > all[at].Suggested:
				r.Pods = all[at].Pods + 1
				all[at] = r
			default:
				all[at].Pods++
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Resize) int {
		lacks := func(r *Resize) float64 { return float64(r.Pods) * (r.Suggested - r.Requested) }
		return cmp.Or(cmp.Compare(lacks(&b), lacks(&a)), cmp.Compare(a.Workload, b.Workload))
	})
	return all
}

// seemsFree says whether a node's requests are within what it runs well at.
func (n *Node) seemsFree() bool {
	asked := 0.0
	for _, p := range n.Pods {
		asked += p.Asked
	}
	return asked <= cycle.RunsWell()[forecast.CPU]*n.Size[forecast.CPU]
}

// overCPU says whether a node is expected to use more CPU than it runs well at in some slot.
func (c *Cluster) overCPU(n *Node, use sum) bool {
	for k := range use {
		if use[k].And(int(forecast.CPU), &n.Beyond[forecast.CPU]).Mean > cycle.RunsWell()[forecast.CPU]*n.Size[forecast.CPU] {
			return true
		}
	}
	return false
}

// need is the largest CPU use that is expected in any slot, and one deviation.
func (p *Pod) need() (cores float64) {
	for k := range p.Use {
		u := &p.Use[k][forecast.CPU]
		cores = max(cores, u.Mean+math.Sqrt(max(0, u.Variance)))
	}
	return cores
}
