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
	// A larger request is suggested for a pod if its expected use is at least tooSmall times its
	// request, and tooSmallBy cores more.
	tooSmall, tooSmallBy = 1.5, .1
	// mostResizes is the number of requests that are suggested.
	mostResizes = 20
	// requestStep is the multiple to which suggested requests are rounded up, in cores.
	requestStep = .05
)

// Resize is a suggested CPU request for the pods of a workload. Only its owner can change the
// request; the kubelet can apply it in place.
type Resize struct {
	Namespace string `json:"namespace"`
	// Workload is the controller as namespace/kind/name.
	Workload string `json:"workload"`
	// Pods counts its pods on nodes that suffer. Node and Pod are those with the largest need.
	Pods int    `json:"pods"`
	Node string `json:"node"`
	Pod  string `json:"pod"`
	// Requested is the current request of that pod, and Suggested the suggested one, in cores.
	Requested float64 `json:"requested_cores"`
	Suggested float64 `json:"suggested_cores"`
}

// resizes returns larger CPU requests for pods whose requests are far below their use, the largest
// lack first. It covers nodes whose requests fit into what they run well at but whose expected use
// does not, since more pods would be placed on them. A suggested request covers the largest use
// expected in any slot plus one deviation: a pod of 2 ± .25 cores gets 2.25.
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

// seemsFree reports whether a node's requests are within what it runs well at.
func (n *Node) seemsFree() bool {
	asked := 0.0
	for _, p := range n.Pods {
		asked += p.Asked
	}
	return asked <= cycle.RunsWell()[forecast.CPU]*n.Size[forecast.CPU]
}

// overCPU reports whether a node is expected, in some slot, to use more CPU than it runs well at.
func (c *Cluster) overCPU(n *Node, use sum) bool {
	for k := range use {
		if use[k].And(int(forecast.CPU), &n.Beyond[forecast.CPU]).Mean > cycle.RunsWell()[forecast.CPU]*n.Size[forecast.CPU] {
			return true
		}
	}
	return false
}

// need returns the largest CPU use expected in any slot plus one deviation, in cores.
func (p *Pod) need() (cores float64) {
	for k := range p.Use {
		u := &p.Use[k][forecast.CPU]
		cores = max(cores, u.Mean+math.Sqrt(max(0, u.Variance)))
	}
	return cores
}
