// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package classify

import (
	"math"
	"sort"
)

// BoostOptions control FitBoost. The zero value is not useful.
type BoostOptions struct {
	Rounds    int     // number of trees
	Depth     int     // of each tree
	MinWeight float64 // sum of weights that a leaf holds at least
	Rate      float64 // share of each leaf's correction that is taken
	Lambda    float64 // L2 penalty of a leaf's value
	// Monotone holds, per feature, 1 where the risk may not fall as the feature rises, -1 where it
	// may not rise, and 0 where it is free.
	Monotone []int8
}

// boostBins is how many values a feature is reduced to for the search of splits; bin 0 is NaN.
const boostBins = 64

// Boost is a sum of regression trees that estimates the log-odds of a violation. It is
// immutable once fitted.
type Boost struct {
	Base  float64      `json:"base"`
	Trees [][]TreeNode `json:"trees"` // one slice per tree; the root is entry 0
}

// TreeNode is an inner node, or a leaf when Left is 0 (no child can be the root).
type TreeNode struct {
	Feature   int     `json:"f"`
	Threshold float64 `json:"t"` // values up to it go left, and NaN does
	Left      int     `json:"l"`
	Right     int     `json:"r"`
	Value     float64 `json:"v"`
}

// LogOdds returns the estimate for x.
func (b *Boost) LogOdds(x []float64) float64 {
	sum := b.Base
	for _, nodes := range b.Trees {
		k := 0
		for nodes[k].Left != 0 {
			if x[nodes[k].Feature] > nodes[k].Threshold {
				k = nodes[k].Right
			} else {
				k = nodes[k].Left
			}
		}
		sum += nodes[k].Value
	}
	return sum
}

// FitBoost fits the labels by gradient boosting of the logistic loss with second-order leaves (Friedman, Greedy function
// approximation, 2001; Chen and Guestrin, XGBoost, 2016). A monotone feature may split only where the values of the two
// sides are in order, and the subtrees stay on their sides of the middle, as LightGBM's basic method does. The result
// depends on nothing but the arguments. Data must not be empty.
func FitBoost(d *Data, o BoostOptions) *Boost {
	n := len(d.Y)
	g := &booster{d: d, o: o, logit: make([]float64, n), grad: make([]float64, n), hess: make([]float64, n)}
	g.bin()
	var positive, total float64
	for i, y := range d.Y {
		positive += d.W[i] * y
		total += d.W[i]
	}
	b := &Boost{Base: logit((positive + .5) / (total + 1))}
	for i := range g.logit {
		g.logit[i] = b.Base
	}
	rows := make([]int32, n)
	for range o.Rounds {
		for i, y := range d.Y {
			rows[i] = int32(i)
			p := Sigmoid(g.logit[i])
			g.grad[i] = d.W[i] * (p - y)
			g.hess[i] = d.W[i] * max(p*(1-p), 1e-6)
		}
		g.nodes = nil
		g.grow(rows, 0, math.Inf(-1), math.Inf(1))
		b.Trees = append(b.Trees, g.nodes)
	}
	return b
}

type booster struct {
	d          *Data
	o          BoostOptions
	cuts       [][]float64 // per feature, ascending: bin b+1 holds values up to cuts[b]
	binned     [][]uint8   // [feature][row]
	logit      []float64
	grad, hess []float64
	nodes      []TreeNode
}

func (g *booster) bin() {
	n := len(g.d.Y)
	for _, column := range g.d.X {
		sorted := make([]float64, 0, n)
		for _, v := range column {
			if !math.IsNaN(v) {
				sorted = append(sorted, v)
			}
		}
		sort.Float64s(sorted)
		var cuts []float64
		for k := 1; k < boostBins-1 && len(sorted) > 0; k++ {
			if q := sorted[k*len(sorted)/(boostBins-1)]; len(cuts) == 0 || q > cuts[len(cuts)-1] {
				cuts = append(cuts, q)
			}
		}
		b := make([]uint8, n)
		for i, v := range column {
			if !math.IsNaN(v) {
				b[i] = uint8(1 + sort.SearchFloat64s(cuts, v))
			}
		}
		g.cuts, g.binned = append(g.cuts, cuts), append(g.binned, b)
	}
}

// grow appends the subtree of rows, whose values stay within low and high, and returns its index. It reorders rows.
func (g *booster) grow(rows []int32, depth int, low, high float64) int {
	id := len(g.nodes)
	g.nodes = append(g.nodes, TreeNode{})
	var sum moments
	for _, i := range rows {
		sum.add(g.grad[i], g.hess[i], g.d.W[i])
	}
	s := split{feature: -1}
	if depth < g.o.Depth {
		s = g.split(rows, sum, low, high)
	}
	if s.feature < 0 {
		v := g.o.Rate * g.value(sum, low, high)
		for _, i := range rows {
			g.logit[i] += v
		}
		g.nodes[id].Value = v
		return id
	}
	binned, mid := g.binned[s.feature], 0
	for k, i := range rows {
		if int(binned[i]) <= s.bin {
			rows[k], rows[mid] = rows[mid], i
			mid++
		}
	}
	leftLow, leftHigh, rightLow, rightHigh := low, high, low, high
	middle := (s.left + s.right) / 2
	switch g.monotone(s.feature) {
	case 1:
		leftHigh, rightLow = middle, middle
	case -1:
		leftLow, rightHigh = middle, middle
	}
	left := g.grow(rows[:mid], depth+1, leftLow, leftHigh)
	right := g.grow(rows[mid:], depth+1, rightLow, rightHigh)
	threshold := -math.MaxFloat64 // Only NaN goes left; JSON has no infinity.
	if s.bin > 0 {
		threshold = g.cuts[s.feature][s.bin-1]
	}
	g.nodes[id] = TreeNode{Feature: s.feature, Threshold: threshold, Left: left, Right: right}
	return id
}

// moments of a set of rows: the sums of gradients, curvatures and weights.
type moments struct{ g, h, w float64 }

func (m *moments) add(g, h, w float64) { m.g += g; m.h += h; m.w += w }

// value is the Newton step of a leaf, within its bounds.
func (g *booster) value(m moments, low, high float64) float64 {
	return min(max(-m.g/(m.h+g.o.Lambda), low), high)
}

// gain is how much a leaf of value v lowers the loss, to the second order, times 2.
func (g *booster) gain(m moments, v float64) float64 {
	return -(2*m.g*v + (m.h+g.o.Lambda)*v*v)
}

func (g *booster) monotone(feature int) int8 {
	if feature < len(g.o.Monotone) {
		return g.o.Monotone[feature]
	}
	return 0
}

type split struct {
	feature, bin int // rows up to bin go left
	left, right  float64
}

// split returns the best split of rows, with feature -1 where none gains.
func (g *booster) split(rows []int32, total moments, low, high float64) split {
	best := split{feature: -1}
	bestGain := g.gain(total, g.value(total, low, high)) + 1e-9
	for j := range g.binned {
		var bins [boostBins]moments
		binned := g.binned[j]
		for _, i := range rows {
			bins[binned[i]].add(g.grad[i], g.hess[i], g.d.W[i])
		}
		var l moments
		for b := range len(g.cuts[j]) + 1 {
			l.add(bins[b].g, bins[b].h, bins[b].w)
			if l.w < g.o.MinWeight {
				continue
			}
			r := moments{total.g - l.g, total.h - l.h, total.w - l.w}
			if r.w < g.o.MinWeight {
				break
			}
			vl, vr := g.value(l, low, high), g.value(r, low, high)
			if m := g.monotone(j); m > 0 && vl > vr || m < 0 && vl < vr {
				continue
			}
			if gain := g.gain(l, vl) + g.gain(r, vr); gain > bestGain {
				bestGain, best = gain, split{j, b, vl, vr}
			}
		}
	}
	return best
}
