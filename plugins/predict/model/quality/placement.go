// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
)

// The features of a placement: what is known before the pod runs.
const (
	OwnCPU   = iota // what the pod will use on average, as a share of the node's CPU
	NodeCPU         // what the node will use with the pod on it, as a share of its CPU
	Pressure        // the share of time, 0–1, in which a task on the node waited for CPU, memory or I/O lately
	// NumPlacementFeatures is how many there are.
	NumPlacementFeatures
)

// Placement is the schema of models that judge placements. Only what both a cluster and a measurement beside neighbours
// can tell is in it.
var Placement = Schema{
	Features: []Feature{OwnCPU: {Name: "own_cpu"}, NodeCPU: {Name: "node_cpu", Sign: 1}, Pressure: {Name: "pressure", Sign: 1}},
	Views:    [][]int{{OwnCPU, NodeCPU, Pressure}, {OwnCPU, NodeCPU}},
	Plain:    NodeCPU,
}

// priorRise and priorEven are the slope of the prior, and where it says one in two.
const (
	priorRise = 6
	priorEven = .85
)

// PriorLogOdds is the risk by utilisation alone where there is no model: one in two at 85 % of the node's CPU, one in
// fifteen at 40 %. It is an order, not a calibrated probability.
func PriorLogOdds(cpu, pressure float64) float64 {
	z := priorRise * (cpu - priorEven)
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
	columns       = cpuSteps + 2 // the last one, a step beyond maxCPU, says how it goes on from there
	lastColumn    = columns - 1
)

// mostCPU is the share of a node's CPU that larger ones count as.
const mostCPU = 100

// leastRise of the log-odds with the node's CPU, for all of it: a table has no plateau, so where a model tells no nodes apart
// the one that is used less is the better one.
const leastRise = .5

// Table is a model of placements distilled into log-odds on a grid, because asking hundreds of trees for every node
// of a cluster takes milliseconds. Between the points it is linear, so what is monotone in the model is monotone in the table.
// Beyond maxCPU, where trees have seen nothing, it rises as the plain rank does. It is immutable.
type Table struct{ slabs [len(ownGrid)]Slab }

// Slab is a table for one pod's own use: log-odds by pressure, of which plane 0 is not known, and the node's CPU.
type Slab [planes][columns]float32

// surest is the largest log-odds, either way, that is believed of a model: one in 150. A model that is surer is sure beyond its
// data, and what nodes do to pods could not correct it.
const surest = 5

// NewTable distills a model, or the prior where m is nil. m must be of the schema Placement.
func NewTable(m *Model) *Table {
	t := &Table{}
	x, scratch := make([]float64, NumPlacementFeatures), make([]float64, NumPlacementFeatures)
	const step = maxCPU / cpuSteps
	beyond := float64(priorRise)
	if m != nil {
		beyond = max(m.Slope*(1-m.Trust)*m.PlainRank.Weights[0], leastRise)
	}
	for o, own := range ownGrid {
		for p := range planes {
			pressure := math.NaN()
			if p > 0 {
				pressure = float64(p-1) / pressureSteps
			}
			row := &t.slabs[o][p]
			for c := range lastColumn {
				cpu := float64(c) * step
				z := PriorLogOdds(cpu, pressure)
				if m != nil {
					x[OwnCPU], x[NodeCPU], x[Pressure] = float64(own), cpu, pressure
					z = m.LogOdds(x, scratch)
				}
				row[c] = float32(min(max(z, -surest), surest))
				if c > 0 {
					row[c] = max(row[c], row[c-1]+leastRise*step)
				}
			}
			row[lastColumn] = row[lastColumn-1] + float32(beyond*step)
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
// it is not known. A cpu that is not known counts as 1. It is as much as is believed; what nodes are ranked by, In, goes on
// rising. It is pure, and allocates nothing.
func (s *Slab) LogOdds(cpu, pressure float32) float32 { return min(s.In(At(cpu, pressure)), surest) }

// Point lies between the points of a table. It is the same in every slab.
type Point struct {
	plane  int32
	Column int32 // the last one at or before the node's CPU
	high   float32
	Right  float32 // how near the next column, 0–1; beyond the last one, how many steps it is
}

// OnColumn is the point of the same pressure on a column; beyond the last one, on that.
func (p Point) OnColumn(column int32) Point {
	p.Column, p.Right = column, 0
	if column >= lastColumn {
		p.Column, p.Right = lastColumn-1, 1
	}
	return p
}

// At returns the point of a node that uses the share cpu at the pressure; see LogOdds.
func At(cpu, pressure float32) Point {
	// Branches, which always go the same way, take less time than min and max of floats.
	if !(cpu <= mostCPU) {
		if cpu != cpu {
			cpu = 1
		} else {
			cpu = mostCPU
		}
	} else if cpu < 0 {
		cpu = 0
	}
	x := cpu * (cpuSteps / maxCPU)
	p := Point{Column: min(int32(x), lastColumn-1)}
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

// In returns the log-odds at a point, that a node is ranked by: the more of its CPU is used the higher, up to mostCPU.
func (s *Slab) In(p Point) float32 {
	row := &s[p.plane]
	z := row[p.Column] + p.Right*(row[p.Column+1]-row[p.Column])
	if p.plane == 0 {
		return z
	}
	row = &s[p.plane+1]
	return z + p.high*(row[p.Column]+p.Right*(row[p.Column+1]-row[p.Column])-z)
}

// Harms writes to out the harm by log-odds that lie offset above the slab's, so that In reads harms. Along the node's CPU it
// takes the lower convex envelope of the harm curve (Andrew's monotone chain, 1979), which smooths the steps of the trees. On a
// crowded node, more CPU then never counts as less harm.
func (s *Slab) Harms(offset float32, out *Slab) {
	for p := range s {
		harm := func(c int) float32 { return Harm(s[p][c] + offset) }
		var hull [columns]int
		n := 0
		for c := range columns {
			for n > 1 {
				a, b := hull[n-2], hull[n-1]
				if (harm(b)-harm(a))*float32(c-a) < (harm(c)-harm(a))*float32(b-a) {
					break
				}
				n--
			}
			hull[n] = c
			n++
		}
		for k := range n - 1 {
			a, b := hull[k], hull[k+1]
			for c := a; c <= b; c++ {
				out[p][c] = harm(a) + (harm(b)-harm(a))*float32(c-a)/float32(b-a)
			}
		}
	}
}

// NearTie is how far, in harm (risk, where that is small), a node may be from the best and still count as good.
const NearTie = .01

// Classes of service, the best first.
var Classes = [...]string{"good", "fair", "poor"}

// ClassOf is the place in Classes of a risk, 0–1: good below 10 %, fair below 30 %, else poor.
func ClassOf(risk float64) int {
	switch {
	case risk < .1:
		return 0
	case risk < .3:
		return 1
	}
	return 2
}

// Class of a node for an objective by the risk of a typical pod, 0–1.
func Class(risk float64) string { return Classes[ClassOf(risk)] }

// sigmoidSteps of the tables behind Probability and Harm, from -sigmoidRange to sigmoidRange.
const (
	sigmoidSteps = 1 << 10
	sigmoidRange = 12
)

type curve [sigmoidSteps + 1]float32

func tabulate(f func(z float64) float64) (t curve) {
	for i := range t {
		t[i] = float32(f(float64(i)*2*sigmoidRange/sigmoidSteps - sigmoidRange))
	}
	return t
}

var (
	sigmoidTable = tabulate(classify.Sigmoid)
	harmTable    = tabulate(func(z float64) float64 {
		if z >= sigmoidRange {
			return z // Where Harm leaves the table.
		}
		return math.Log1p(math.Exp(z))
	})
)

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

// Harm is −ln(1 − risk) = ln(1+eᶻ) to within 2·10⁻⁵: the risk itself where that is small, and where it is near 1, and risks no
// longer tell nodes apart, the log-odds. Summed over pods it is −ln of the chance that all of them keep their service.
func Harm(z float32) float32 {
	at := (z + sigmoidRange) * (sigmoidSteps / (2. * sigmoidRange))
	if !(at > 0) {
		return harmTable[0]
	}
	if at >= sigmoidSteps {
		return z
	}
	i := int(at)
	return harmTable[i] + (at-float32(i))*(harmTable[i+1]-harmTable[i])
}
