// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"hash/fnv"
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/forget"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// rank is the length of the vectors of nodes and workloads.
const rank = 4

// Vector of a node or a workload. A node's first entry is what it does to every pod, the others what it does to some;
// a workload's first entry is 1, and the others are how it takes that.
type Vector [rank]float32

// Dot is the correction, in log-odds.
func (v *Vector) Dot(u *Vector) float32 { return v[0]*u[0] + v[1]*u[1] + v[2]*u[2] + v[3]*u[3] }

// NodeHistory is what a node did to pods beyond what the model says.
type NodeHistory struct {
	Vector Vector
	// Weight is how many outcomes it rests on, each counting less as it ages.
	Weight float32
}

// Doubt is the standard deviation of the node's correction in log-odds, from the curvature of the logistic loss at
// one in two (1/4 an outcome) and a prior of deviation 1.
func (h *NodeHistory) Doubt() float32 { return float32(1 / math.Sqrt(1+float64(h.Weight)/4)) }

// History learns, test-then-train, what the model cannot know: that a node is worse or better for some workloads than its
// utilisation says. log-odds = model + workload · node, by stochastic gradient descent on the logistic loss with decay
// (Koren, Bell, Volinsky, Matrix factorization techniques for recommender systems, 2009). What was learned of a node
// fades with a half-life, so that it is forgiven what it no longer does. It is not safe for concurrent use.
type History struct {
	halfLife  time.Duration
	nodes     map[string]*nodeState
	workloads map[string]*workloadState
	company   *company
}

// Lesson is one outcome that tells something of its node and of those that were on it.
type Lesson struct {
	Node, Workload string
	Tenant         string // whose workload it is
	Beside         []Companion
	// Model is the log-odds that the model gave without history and company.
	Model    float32
	Violated bool
}

type workloadState struct {
	Vector
	at time.Time // of its last outcome
}

type nodeState struct {
	NodeHistory
	at time.Time
}

const (
	learningRate = .5
	decay        = .02
	// maxWorkloads bounds the vectors of workloads; those go whose last outcome is oldest.
	maxWorkloads = 10000
	// negligible is the weight at which a node is forgotten.
	negligible = .05
)

// NewHistory returns a history in which half of what was learned is forgotten after halfLife.
func NewHistory(halfLife time.Duration) *History {
	return &History{halfLife: halfLife, nodes: map[string]*nodeState{}, workloads: map[string]*workloadState{}, company: newCompany()}
}

// Learn takes one outcome.
func (h *History) Learn(l *Lesson, now time.Time) {
	n := h.nodes[l.Node]
	if n == nil {
		n = &nodeState{at: now}
		h.nodes[l.Node] = n
	}
	h.fade(n, now)
	u := h.workloads[l.Workload]
	if u == nil {
		if len(h.workloads) >= maxWorkloads {
			forget.Oldest(h.workloads, forget.Batch(maxWorkloads), func(a, b *workloadState) int { return a.at.Compare(b.at) }, nil)
		}
		u = &workloadState{Vector: Stranger(l.Workload)}
		h.workloads[l.Workload] = u
	}
	u.at = now
	burden, takes := h.company.beside(l.Beside), h.company.takesOf(l.Workload)
	p := quality.Probability(l.Model + n.Vector.Dot(&u.Vector) + burden.Dot(&takes))
	g := -p
	if l.Violated {
		g++
	}
	before := n.Vector
	for k := range n.Vector {
		n.Vector[k] += learningRate * (g*u.Vector[k] - decay*n.Vector[k])
		if k > 0 {
			u.Vector[k] += learningRate * (g*before[k] - decay*u.Vector[k])
		}
	}
	n.Weight++
	h.company.learn(l, g, p*(1-p), h.halfLife, now)
}

// Stranger is the vector of a workload that was never seen: small, and different for each, so that they can grow apart.
func Stranger(workload string) Vector {
	hash := fnv.New32a()
	hash.Write([]byte(workload))
	bits := hash.Sum32()
	v := Vector{1}
	for k := 1; k < rank; k++ {
		v[k] = (float32(bits>>(8*k)&0xff)/255 - .5) * .2
	}
	return v
}

func (h *History) fade(n *nodeState, now time.Time) {
	keep := float32(math.Exp2(-float64(max(now.Sub(n.at), 0)) / float64(h.halfLife)))
	for k := range n.Vector {
		n.Vector[k] *= keep
	}
	n.Weight *= keep
	n.at = now
}

// HistoryView is what a History knew at one time. It is immutable.
type HistoryView struct {
	Nodes     map[string]NodeHistory
	workloads map[string]Vector
	// Hurts are the burdens of the classes that hurt others.
	Hurts map[Class]Burden
	takes map[string]Burden
}

// View returns what is known now, and forgets nodes of which next to nothing is left.
func (h *History) View(now time.Time) *HistoryView {
	v := &HistoryView{Nodes: make(map[string]NodeHistory, len(h.nodes)), workloads: make(map[string]Vector, len(h.workloads))}
	for name, n := range h.nodes {
		h.fade(n, now)
		if n.Weight < negligible {
			delete(h.nodes, name)
			continue
		}
		v.Nodes[name] = n.NodeHistory
	}
	for name, u := range h.workloads {
		v.workloads[name] = u.Vector
	}
	v.Hurts, v.takes = h.company.view(h.halfLife, now)
	return v
}

// Takes is how a workload takes the burden of those beside it.
func (v *HistoryView) Takes(workload string) Burden {
	if b, ok := v.takes[workload]; ok {
		return b
	}
	return strangerTakes(workload)
}

// Workload returns the vector of a workload; of one that was never seen, a Stranger's.
func (v *HistoryView) Workload(name string) Vector {
	if u, ok := v.workloads[name]; ok {
		return u
	}
	return Stranger(name)
}
