// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Measures are what became of the nodes. Minutes are summed over nodes.
type Measures struct {
	// Hot80, Hot90 and Hot100 are the minutes in which the CPU demand on a node passed 80, 90 and 100 % of it.
	Hot80  float64 `json:"hot80_node_minutes"`
	Hot90  float64 `json:"hot90_node_minutes"`
	Hot100 float64 `json:"hot100_node_minutes"`
	// Memory90 and OOM are the minutes in which the memory of a node's pods passed 90 and 100 % of it.
	Memory90 float64 `json:"memory90_node_minutes"`
	OOM      float64 `json:"oom_node_minutes"`
	// Unmet is the CPU demand beyond what nodes have, in core minutes.
	Unmet float64 `json:"unmet_cpu_core_minutes"`
	// P99 is the 99th percentile of the CPU demand on a node, as a share of it.
	P99 float64 `json:"p99_node_cpu"`
	// Imbalance is the standard deviation of the CPU demand over the nodes, as a share of them: its mean over time.
	Imbalance float64 `json:"imbalance"`
	// Regret is by how much the CPU peak over the next 24 h of the nodes that were chosen passes the best one's: the mean over
	// decisions, as a share of a node.
	Regret float64 `json:"regret"`
	// InUse is the hours in which nodes had pods that may move: without them an autoscaler can remove a node.
	InUse float64 `json:"node_hours_in_use"`
}

// names of the measures in Values, as JSON has them, with what is added to both sides of a ratio. A ratio of counts needs it, as
// nothing over nothing is 1 and something over nothing is not infinite: half of the least that can be counted.
var measureNames = []struct {
	name  string
	guard float64
}{
	{"hot80_node_minutes", 2.5}, {"hot90_node_minutes", 2.5}, {"hot100_node_minutes", 2.5}, {"memory90_node_minutes", 2.5},
	{"oom_node_minutes", 2.5}, {"unmet_cpu_core_minutes", 2.5}, {"p99_node_cpu", 0}, {"imbalance", 0}, {"regret", .001}, {"node_hours_in_use", 0},
}

// values in the order of measureNames.
func (m *Measures) values() []*float64 {
	return []*float64{&m.Hot80, &m.Hot90, &m.Hot100, &m.Memory90, &m.OOM, &m.Unmet, &m.P99, &m.Imbalance, &m.Regret, &m.InUse}
}

// Outcome is what one configuration made of one world.
type Outcome struct {
	Config string
	Seed   uint64
	// Decisions are the pods placed, and Unplaced those that waited until they were gone or all was over.
	Decisions, Unplaced int
	Measures
	// Heat is the highest CPU demand on each node in each hour that counts, as a share of it.
	Heat [][]float32
	// Worst are the decisions of most regret, the worst first.
	Worst []Decision
	// Shadow is what an onlooker says; nil where nobody looked on.
	Shadow *shadow.Report
	// Moved is what became of moves; nil where nobody moves pods.
	Moved *Moved
}

// Decision that turned out badly.
type Decision struct {
	// At is the time, from the world's beginning.
	At time.Duration
	// Pod, the node it was placed on, and the one it should have been.
	Pod, Node, Best string
	// Peak of the CPU demand in the next 24 h with the pod on its node and on the best one, as a share of the node.
	Peak, BestPeak float64
	// Requested CPU of both nodes before, as a share of the node.
	Requested, BestRequested float64
}

// mostWorst decisions are kept.
const mostWorst = 10

// meter measures a run.
type meter struct {
	Outcome
	steps  int
	shares []float64
	// histogram of CPU demand in half percents of the node, up to four nodes.
	histogram [801]int
}

func (m *meter) init(r *run) {
	hours := (r.world.Steps - world.Index(r.options.From) + hourSteps - 1) / hourSteps
	m.Heat = make([][]float32, len(r.nodes))
	for i := range m.Heat {
		m.Heat[i] = make([]float32, max(0, hours))
	}
	m.shares = make([]float64, len(r.nodes))
}

// step counts what nodes have to do in a step.
func (m *meter) step(r *run, k int) {
	const minutes = float64(world.Step / time.Minute)
	sum, squares := 0.0, 0.0
	for i := range r.nodes {
		n := &r.nodes[i]
		cpu, memory := r.demand(n, k)
		share, full := cpu/n.cores, memory/n.bytes
		for _, c := range []struct {
			value, bound float64
			count        *float64
		}{{share, .8, &m.Hot80}, {share, .9, &m.Hot90}, {share, 1, &m.Hot100}, {full, .9, &m.Memory90}, {full, 1, &m.OOM}} {
			if c.value > c.bound {
				*c.count += minutes
			}
		}
		if slices.ContainsFunc(n.pods, func(j int) bool { return r.world.Pods[j].Pinned == "" }) {
			m.InUse += world.Step.Hours()
		}
		m.Unmet += max(0, cpu-n.cores) * minutes
		m.histogram[min(len(m.histogram)-1, int(200*share))]++
		sum, squares = sum+share, squares+share*share
		hour := &m.Heat[i][(k-world.Index(r.options.From))/hourSteps]
		*hour = max(*hour, float32(share))
	}
	n := float64(len(r.nodes))
	m.Imbalance += math.Sqrt(max(0, squares/n-sum/n*sum/n))
	m.steps++
}

// decided counts a decision, before it is carried out.
func (m *meter) decided(r *run, i, chosen int) {
	m.Decisions++
	asked := forecast.Asked(r.world.Pods[i].Object)
	best, least, peak := chosen, math.Inf(1), 0.0
	for j := range r.nodes {
		n := &r.nodes[j]
		if n.removed || j != chosen && (n.requested[forecast.CPU]+asked[forecast.CPU] > n.cores || n.requested[forecast.Memory]+asked[forecast.Memory] > n.bytes) {
			continue
		}
		p := r.peakWith(i, j)
		if j == chosen {
			peak = p
		}
		if p < least {
			best, least = j, p
		}
	}
	regret := peak - least
	m.Regret += regret
	if len(m.Worst) == mostWorst && regret <= m.Worst[mostWorst-1].Peak-m.Worst[mostWorst-1].BestPeak {
		return
	}
	m.Worst = append(m.Worst, Decision{
		At: r.now, Pod: r.world.Pods[i].Object.Namespace + "/" + r.world.Pods[i].Object.Name,
		Node: r.world.Nodes[chosen].Name, Best: r.world.Nodes[best].Name, Peak: peak, BestPeak: least,
		Requested: r.nodes[chosen].requested[forecast.CPU] / r.nodes[chosen].cores, BestRequested: r.nodes[best].requested[forecast.CPU] / r.nodes[best].cores,
	})
	slices.SortStableFunc(m.Worst, func(a, b Decision) int { return cmp.Compare(b.Peak-b.BestPeak, a.Peak-a.BestPeak) })
	m.Worst = m.Worst[:min(len(m.Worst), mostWorst)]
}

func (m *meter) outcome(w *world.World, c *Config, o *Options) *Outcome {
	out := m.Outcome
	out.Config, out.Seed = c.Name, w.Seed
	out.Imbalance = finite(out.Imbalance / float64(m.steps))
	out.Regret = finite(out.Regret / float64(m.Decisions))
	all, below := 0, 0
	for _, n := range m.histogram {
		all += n
	}
	for i, n := range m.histogram {
		if below += n; below*100 >= all*99 {
			out.P99 = float64(i+1) / 200
			break
		}
	}
	return &out
}
