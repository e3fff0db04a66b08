// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"maps"
	"math"
	"slices"
	"sync"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// rows are the values of each node's view from which the harm of one more pod is computed. PreScore
// thus reads memory in order, looks nothing up by name, and adds nothing up that is the same for
// every pod. The zero value is ready.
type rows struct {
	lock   sync.Mutex
	rows   []row
	memory []memory
	rest   []rest
	// index holds the rows by node. A NodeInfo of the scheduler's snapshot keeps its place in
	// memory while its node exists. The map is replaced, never changed, since cycles read it
	// without the lock.
	index map[fwk.NodeInfo]int32
	// hints are the rows by the low bits of their generation, which differ for most rows.
	hints [hints]int32
	// forgotten counts how often all rows were dropped.
	forgotten int
}

// hints is a power of two. With 5,000 nodes, one in seven shares its hint with another node.
const hints = 1 << 15

// row is the part that every pod reads, in two cache lines. CPU is in shares of the node.
type row struct {
	node       fwk.NodeInfo
	generation int64 // of the NodeInfo, at least 1; 0 where the row says nothing beyond the cycle that wrote it

	mean, excess, squares, sure, residual float32 // forecast.Load and the residual's upper bound
	per                                   float32 // shares of the node in a core
	pressure                              float32
	history                               outcome.Vector
	company                               outcome.Burden
	exposed                               float32
	column                                int32 // of the table, where the node is without the pod
	loss                                  [columns]float32
}

// columns is the number of the table's columns, from a node's own column on, for which rows keep
// the loss of residents. They span a third of its CPU.
const columns = 11

// memory is an upper bound of a node's memory use, however peaks add up, in shares of the node. Few
// nodes come close to full, and for the others nothing more is read.
type memory struct {
	most, per float32 // per are shares in a byte
}

// fullFrom is the share of a node's memory above which kubelets evict and the kernel kills.
const fullFrom = .9

// ample reports whether the node's memory stays below fullFrom with a pod that uses at most that
// many bytes.
func (m *memory) ample(bytes float32) bool { return m.most+bytes*m.per < fullFrom-1e-3 }

// rest is the part that only some pods read.
type rest struct {
	name      string // of the node
	memory    demand
	residents [objective.Count]float32
	suffered  float32
}

// set fills in a row from a node's view.
func (r *rows) set(c *frame, k int32, v *view) {
	r.rows[k].set(c, v)
	l, per := &v.memory.load, v.memory.per
	r.memory[k] = memory{float32(max(l.Mean+l.Excess+v.memory.residual.Upper, l.Sure)) * per, per}
	r.rest[k] = rest{v.holds.name, v.memory, v.residents, v.suffered}
}

func (r *row) set(c *frame, v *view) {
	l, per := &v.cpu.load, float64(v.cpu.per)
	r.mean, r.excess, r.squares = float32(l.Mean*per), float32(l.Excess*per), float32(l.Squares*per*per)
	r.sure, r.residual = float32(l.Sure*per), float32(v.cpu.residual.Upper*per)
	r.per, r.pressure, r.history = v.cpu.per, v.pressure, v.history
	r.company, r.exposed = v.company, v.exposed
	at := quality.At(v.before, v.pressure)
	r.column = at.Column
	for k := range r.loss {
		r.loss[k] = c.sufferOn(&v.residents, at, at.Column+int32(k)) - v.suffered
	}
}

// newcomer is the pod in hand, in the form in which it is added to rows.
type newcomer struct {
	mean, excess, sure, apart, together float32
	memory                              float32 // bytes at most
}

func (c *podCycle) newcomer() newcomer {
	p := &c.own.Peaks[horizon][forecast.CPU]
	l, rho := (forecast.Load{}).Add(*p), c.combiners[forecast.CPU].Together
	if !(rho >= 0 && rho <= 1) {
		rho = 1
	}
	memory := (forecast.Load{}).Add(c.own.Peaks[horizon][forecast.Memory])
	return newcomer{float32(l.Mean), float32(l.Excess), float32(l.Sure), float32(1 - rho), float32(rho), float32(memory.Mean + memory.Excess)}
}

// after returns forecast.PeakWith's upper bound in the row's units. The largest single peak need
// not be checked: it is its pod's mean and excess, and neither exceeds what is added here.
func (r *row) after(pod *newcomer) float32 {
	mean, own := r.mean+pod.mean*r.per, pod.excess*r.per
	excess := r.excess + own
	upper := mean + float32(math.Sqrt(float64(pod.apart*(r.squares+own*own)+pod.together*excess*excess)))
	if sum := mean + excess; upper > sum {
		upper = sum
	}
	if upper += r.residual; !(upper >= r.sure+pod.sure*r.per) {
		upper = r.sure + pod.sure*r.per
	}
	return upper
}

// harmOn returns the harm of a placement on the node of a row.
func (c *podCycle) harmOn(k int32, pod *newcomer) float32 {
	r := &c.kept.rows[k]
	at := quality.At(r.after(pod), r.pressure)
	z := c.slab.In(at) + c.offset + r.history.Dot(&c.workload) + r.company.Dot(&c.takes)
	if c.objective == objective.Availability && !c.kept.memory[k].ample(pod.memory) {
		z += c.outOfMemory(&c.kept.rest[k].memory)
	}
	own := c.weight*quality.Harm(z) + c.burden*r.exposed
	if on := at.Column - r.column; uint32(on) < columns-1 {
		return own + r.loss[on] + at.Right*(r.loss[on+1]-r.loss[on])
	}
	rest := &c.kept.rest[k]
	return own + c.suffer(&rest.residents, at) - rest.suffered
}

// forget drops all rows if there are more than 2·nodes + 100, so that rows of nodes that are gone
// do not add up.
func (r *rows) forget(nodes int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if len(r.rows) > 2*nodes+100 {
		r.rows, r.memory, r.rest, r.index = nil, nil, nil, nil
		r.forgotten++
	}
}

// known is a node with a row.
type known struct {
	node fwk.NodeInfo // to be told from others, not to be read: upstream writes to it
	name string
}

func (r *rows) nodes() []known {
	r.lock.Lock()
	defer r.lock.Unlock()
	out := make([]known, 0, len(r.rows))
	for k := range r.rows {
		if name := r.rest[k].name; name != "" {
			out = append(out, known{r.rows[k].node, name})
		}
	}
	return out
}

// take adds a row for a node's view, before others see the rows.
func (r *rows) take(c *frame, node fwk.NodeInfo, generation int64, v *view) {
	k := int32(len(r.rows))
	r.append(row{node: node, generation: generation})
	r.set(c, k, v)
	r.index[node], r.hints[generation%hints] = k, k
}

func (r *rows) append(of row) {
	r.rows, r.memory, r.rest = append(r.rows, of), append(r.memory, memory{}), append(r.rest, rest{})
}

// add gives rows to nodes without one.
func (r *rows) add(nodes []fwk.NodeInfo) {
	index := make(map[fwk.NodeInfo]int32, len(r.index)+len(nodes))
	maps.Copy(index, r.index)
	for _, n := range nodes {
		if _, ok := index[n]; !ok {
			index[n] = int32(len(r.rows))
			r.append(row{node: n})
		}
	}
	r.index = index
}

// at returns the index of a node's row, looked up by its generation first, or -1 if the node has
// none.
func (r *rows) at(n fwk.NodeInfo, generation int64) int32 {
	hint := &r.hints[generation%hints]
	if k := *hint; int(k) < len(r.rows) && r.rows[k].node == n {
		return k
	}
	k, ok := r.index[n]
	if !ok {
		return -1
	}
	*hint = k
	return k
}

// notInHand is the harm of nodes on which the pod is not judged.
var notInHand = float32(math.Inf(1))

// pass computes the harm of the cycle's pod on the nodes. Rows of unchanged nodes are read as they
// are.
func (p *PredictedQoS) pass(c *podCycle, state fwk.CycleState, nodes []fwk.NodeInfo) {
	r := &c.kept
	r.lock.Lock()
	defer r.lock.Unlock()
	c.harms, c.best = c.harms[:0], notInHand
	c.reach(len(r.rows))
	pod := c.newcomer()
	for i := range nodes {
		k := p.bring(c, state, nodes[i:])
		c.reach(len(r.rows))
		harm := c.harmOn(k, &pod)
		c.harms[k] = harm
		if harm < c.best {
			c.best = harm
		}
	}
	c.rows = r.index
}

// bring updates the row of the first node and returns its index. If the node has none, it and the
// nodes after it get rows. The caller holds the lock.
func (p *PredictedQoS) bring(c *podCycle, state fwk.CycleState, nodes []fwk.NodeInfo) int32 {
	r, n := &c.kept, nodes[0]
	generation := n.GetGeneration()
	k := r.at(n, generation)
	if k < 0 {
		r.add(nodes)
		k = r.index[n]
	}
	// In the cycle of a pod group the generation does not tell which pods are on the node; see
	// pernode.
	trusted := !state.IsPodGroupSchedulingCycle()
	if row := &r.rows[k]; row.generation != generation || !trusted {
		r.set(c.frame, k, p.view(c.frame, state, n))
		row.generation = generation
		if !trusted {
			row.generation = 0
		}
	}
	return k
}

// reach makes room for the harm on that many nodes.
func (c *podCycle) reach(nodes int) {
	c.harms = slices.Grow(c.harms, nodes-len(c.harms))
	for len(c.harms) < nodes {
		c.harms = append(c.harms, notInHand)
	}
}
