// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package classify

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/trees"
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
	Base  float64        `json:"base"`
	Trees [][]trees.Node `json:"trees"`
}

// LogOdds returns the estimate for x. A NaN feature goes left.
func (b *Boost) LogOdds(x []float64) float64 { return trees.SumNaNLeft(b.Base, b.Trees, x) }

// FitBoost fits the labels by gradient boosting of the logistic loss with second-order leaves (Friedman, Greedy function
// approximation, 2001; Chen and Guestrin, XGBoost, 2016). A monotone feature may split only where the values of the two
// sides are in order, and the subtrees stay on their sides of the middle, as LightGBM's basic method does. The result
// depends on nothing but the arguments. Data must not be empty.
func FitBoost(d *Data, o BoostOptions) *Boost {
	n := len(d.Y)
	g := &booster{d: d, o: o, logit: make([]float64, n), grad: make([]float64, n), hess: make([]float64, n), bins: trees.Bins{Max: boostBins, NaN: true}}
	for _, column := range d.X {
		g.bins.Add(column)
	}
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
		b.Trees = append(b.Trees, trees.Grow(&g.bins, g, o.Depth, rows, span{math.Inf(-1), math.Inf(1)}))
	}
	return b
}

// booster grows trees for the logistic loss.
type booster struct {
	d          *Data
	o          BoostOptions
	bins       trees.Bins
	logit      []float64 // current estimates
	grad, hess []float64
}

// span holds the values of a subtree, so that a monotone feature stays so.
type span struct{ low, high float64 }

// Leaf returns the Newton step of rows, as far as Rate goes.
func (g *booster) Leaf(rows []int32, within span) float64 {
	v := g.o.Rate * g.value(g.sum(rows), within)
	for _, i := range rows {
		g.logit[i] += v
	}
	return v
}

func (g *booster) sum(rows []int32) (sum moments) {
	for _, i := range rows {
		sum.add(g.grad[i], g.hess[i], g.d.W[i])
	}
	return sum
}

// moments of a set of rows: the sums of gradients, curvatures and weights.
type moments struct{ g, h, w float64 }

func (m *moments) add(g, h, w float64) { m.g += g; m.h += h; m.w += w }

// value is the Newton step of a leaf, within its bounds.
func (g *booster) value(m moments, within span) float64 {
	return min(max(-m.g/(m.h+g.o.Lambda), within.low), within.high)
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

// Split returns the split that lowers the loss most, with the spans of its sides.
func (g *booster) Split(rows []int32, within span) (best trees.Split, left, right span, ok bool) {
	total := g.sum(rows)
	bestGain := g.gain(total, g.value(total, within)) + 1e-9
	var middle float64
	for j, binned := range g.bins.Of {
		var bins [boostBins]moments
		for _, i := range rows {
			bins[binned[i]].add(g.grad[i], g.hess[i], g.d.W[i])
		}
		var l moments
		for b := range len(g.bins.Cuts[j]) + 1 {
			l.add(bins[b].g, bins[b].h, bins[b].w)
			if l.w < g.o.MinWeight {
				continue
			}
			r := moments{total.g - l.g, total.h - l.h, total.w - l.w}
			if r.w < g.o.MinWeight {
				break
			}
			vl, vr := g.value(l, within), g.value(r, within)
			if m := g.monotone(j); m > 0 && vl > vr || m < 0 && vl < vr {
				continue
			}
			if gain := g.gain(l, vl) + g.gain(r, vr); gain > bestGain {
				bestGain, best, ok, middle = gain, trees.Split{Feature: j, Bin: b}, true, (vl+vr)/2
			}
		}
	}
	left, right = within, within
	if ok {
		switch g.monotone(best.Feature) {
		case 1:
			left.high, right.low = middle, middle
		case -1:
			left.low, right.high = middle, middle
		}
	}
	return best, left, right, ok
}
