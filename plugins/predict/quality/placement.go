// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import "math"

// The features of a placement: what is known before the pod runs.
const (
	OwnCPU   = iota // what the pod will use on average, as a share of the node's CPU
	NodeCPU         // what the node will use with the pod on it, as a share of its CPU
	Pressure        // the share of time, 0–1, in which a task on the node waited for CPU, memory or I/O lately
	placementFeatures
)

// Placement is the schema of models that judge placements. Only what both a cluster and a measurement beside neighbours
// can tell is in it.
var Placement = Schema{
	Features: []Feature{OwnCPU: {Name: "own_cpu"}, NodeCPU: {Name: "node_cpu", Sign: 1}, Pressure: {Name: "pressure", Sign: 1}},
	Views:    [][]int{{OwnCPU, NodeCPU, Pressure}, {OwnCPU, NodeCPU}},
	Plain:    NodeCPU,
}

// PriorLogOdds is the risk by utilisation alone where there is no model: one in two at 85 % of the node's CPU, one in
// fifteen at 40 %. It is an order, not a calibrated probability.
func PriorLogOdds(cpu, pressure float64) float64 {
	z := 6 * (cpu - .85)
	if pressure > 0 {
		z += 4 * pressure
	}
	return z
}

// The grid of a Table. Own use is dense where pods are small.
var ownGrid = [...]float32{0, .02, .05, .1, .2, .4, .7, 1}

const (
	cpuSteps      = 36 // of the node's CPU, from 0 to maxCPU
	maxCPU        = 1.2
	pressureSteps = 8 // from 0 to 1
	planes        = pressureSteps + 2
	columns       = cpuSteps + 1
)

// Table is a model of placements distilled into log-odds on a grid, because asking hundreds of trees for every node
// of a cluster takes milliseconds. Between the points it is linear, so what is monotone in the model is monotone in the table.
// It is immutable.
type Table struct{ slabs [len(ownGrid)]Slab }

// Slab is a table for one pod's own use: log-odds by pressure, of which plane 0 is not known, and the node's CPU.
type Slab [planes][columns]float32

// surest is the largest log-odds, either way, that a table gives: one in 150. A model that is surer is sure beyond its
// data, and what nodes do to pods could not correct it.
const surest = 5

// NewTable distills a model, or the prior where m is nil. m must be of the schema Placement.
func NewTable(m *Model) *Table {
	t := &Table{}
	x, scratch := make([]float64, placementFeatures), make([]float64, placementFeatures)
	for o, own := range ownGrid {
		for p := range planes {
			pressure := math.NaN()
			if p > 0 {
				pressure = float64(p-1) / pressureSteps
			}
			for c := range columns {
				cpu := float64(c) * maxCPU / cpuSteps
				z := PriorLogOdds(cpu, pressure)
				if m != nil {
					x[OwnCPU], x[NodeCPU], x[Pressure] = float64(own), cpu, pressure
					z = m.LogOdds(x, scratch)
				}
				t.slabs[o][p][c] = float32(min(max(z, -surest), surest))
			}
		}
	}
	return t
}

// For writes to out what the table says of a pod that uses the share own of a node.
func (t *Table) For(own float64, out *Slab) {
	v := float32(own)
	if !(v >= 0) {
		v = 0
	}
	last := len(ownGrid) - 1
	k := 0
	for k < last-1 && v >= ownGrid[k+1] {
		k++
	}
	f := min((v-ownGrid[k])/(ownGrid[k+1]-ownGrid[k]), 1)
	a, b := &t.slabs[k], &t.slabs[k+1]
	for p := range out {
		for c := range out[p] {
			out[p][c] = a[p][c] + f*(b[p][c]-a[p][c])
		}
	}
}

// LogOdds returns the log-odds of a violation on a node that uses the share cpu with the pod on it; pressure is NaN where
// it is not known. A cpu that is not known counts as 1. It is pure, and allocates nothing.
func (s *Slab) LogOdds(cpu, pressure float32) float32 { return s.In(At(cpu, pressure)) }

// Point lies between the points of a table. It is the same in every slab.
type Point struct {
	plane  int32
	Column int32 // the last one at or before the node's CPU
	high   float32
	Right  float32 // how near the next column, 0–1
}

// OnColumn is the point of the same pressure on a column; beyond the last one, on that.
func (p Point) OnColumn(column int32) Point {
	p.Column, p.Right = column, 0
	if column >= cpuSteps {
		p.Column, p.Right = cpuSteps-1, 1
	}
	return p
}

// At returns the point of a node that uses the share cpu at the pressure; see LogOdds.
func At(cpu, pressure float32) Point {
	// Branches, which always go the same way, take less time than min and max of floats.
	if !(cpu <= maxCPU) {
		if cpu != cpu {
			cpu = 1
		} else {
			cpu = maxCPU
		}
	} else if cpu < 0 {
		cpu = 0
	}
	x := cpu * (cpuSteps / maxCPU)
	p := Point{Column: min(int32(x), cpuSteps-1)}
	p.Right = x - float32(p.Column)
	if pressure == pressure {
		if pressure < 0 {
			pressure = 0
		} else if pressure > 1 {
			pressure = 1
		}
		y := pressure * pressureSteps
		plane := min(int32(y), pressureSteps-1)
		p.plane, p.high = plane+1, y-float32(plane)
	}
	return p
}

// In returns the log-odds at a point.
func (s *Slab) In(p Point) float32 {
	row := &s[p.plane]
	z := row[p.Column] + p.Right*(row[p.Column+1]-row[p.Column])
	if p.plane == 0 {
		return z
	}
	row = &s[p.plane+1]
	return z + p.high*(row[p.Column]+p.Right*(row[p.Column+1]-row[p.Column])-z)
}

// Class of a node for an objective by the risk of a typical pod, 0–1: good below 10 %, fair below 30 %, else poor.
func Class(risk float64) string {
	switch {
	case risk < .1:
		return "good"
	case risk < .3:
		return "fair"
	}
	return "poor"
}

// sigmoidSteps of the table behind Probability, from -sigmoidRange to sigmoidRange.
const (
	sigmoidSteps = 1 << 10
	sigmoidRange = 12
)

var sigmoidTable = func() (t [sigmoidSteps + 1]float32) {
	for i := range t {
		t[i] = float32(sigmoid(float64(i)*2*sigmoidRange/sigmoidSteps - sigmoidRange))
	}
	return t
}()

// Probability is 1/(1+e⁻ᶻ) to within 10⁻⁵, from a table: an exponential a node would be half the cost of judging it.
func Probability(z float32) float32 {
	at := (z + sigmoidRange) * (sigmoidSteps / (2. * sigmoidRange))
	if !(at > 0) {
		return sigmoidTable[0]
	}
	if at >= sigmoidSteps {
		return sigmoidTable[sigmoidSteps]
	}
	i := int(at)
	return sigmoidTable[i] + (at-float32(i))*(sigmoidTable[i+1]-sigmoidTable[i])
}
