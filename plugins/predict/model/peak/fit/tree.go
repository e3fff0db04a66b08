// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"math"
	"sort"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/trees"
)

// TreeOptions control Trees. The zero value is not useful.
type TreeOptions struct {
	Tau     float64 // quantile, in (0, 1)
	Rounds  int     // number of trees
	Depth   int     // of each tree
	MinLeaf int     // rows that a leaf holds at least; an extreme quantile of few rows is noise
	Rate    float64 // share of each leaf's correction that is taken
}

// bins is how many values a feature is reduced to for the search of splits.
const bins = 32

// Trees is a sum of regression trees that estimates a conditional quantile. It is immutable once fitted.
type Trees struct {
	Base float64
	All  [][]trees.Node
}

// Predict returns the estimate for x. A NaN feature goes right.
func (t *Trees) Predict(x []float64) float64 { return trees.SumNaNRight(t.Base, t.All, x) }

// FitTrees fits y on x by gradient boosting of the pinball loss (Friedman, Greedy function approximation, 2001;
// Koenker and Bassett, Regression quantiles, 1978). The gradient of that loss takes two values only, so trees are
// grown on it, and each leaf then moves by the quantile of the residuals in it. The result depends on nothing but the
// arguments. x holds one row per observation and must not be empty.
func FitTrees(x [][]float64, y []float64, o TreeOptions) *Trees {
	g := &pinball{y: y, o: o, f: make([]float64, len(y)), gradient: make([]float64, len(y)), bins: binsOf(x)}
	t := &Trees{Base: Quantile(y, o.Tau)}
	for i := range g.f {
		g.f[i] = t.Base
	}
	rows := make([]int32, len(y))
	for range o.Rounds {
		for i := range y {
			rows[i] = int32(i)
			g.gradient[i] = o.Tau - 1
			if y[i] > g.f[i] {
				g.gradient[i] = o.Tau
			}
		}
		t.All = append(t.All, trees.Grow(&g.bins, g, o.Depth, rows, unlimited{}))
	}
	return t
}

func binsOf(x [][]float64) trees.Bins {
	b := trees.Bins{Max: bins}
	column := make([]float64, len(x))
	for j := range x[0] {
		for i := range x {
			column[i] = x[i][j]
		}
		b.Add(column)
	}
	return b
}

// pinball grows trees for the pinball loss.
type pinball struct {
	y        []float64
	o        TreeOptions
	bins     trees.Bins
	f        []float64 // current estimates
	gradient []float64
}

// unlimited are the limits of subtrees, which have none.
type unlimited struct{}

// Leaf returns the quantile of the residuals of rows, as far as Rate goes.
func (g *pinball) Leaf(rows []int32, _ unlimited) float64 {
	residual := make([]float64, len(rows))
	for k, i := range rows {
		residual[k] = g.y[i] - g.f[i]
	}
	v := g.o.Rate * Quantile(residual, g.o.Tau)
	for _, i := range rows {
		g.f[i] += v
	}
	return v
}

// Split returns the split that reduces the squared error of the gradient most.
func (g *pinball) Split(rows []int32, _ unlimited) (best trees.Split, _, _ unlimited, ok bool) {
	if len(rows) < 2*g.o.MinLeaf {
		return best, unlimited{}, unlimited{}, false
	}
	total, n := 0.0, float64(len(rows))
	for _, i := range rows {
		total += g.gradient[i]
	}
	most := total*total/n + 1e-12
	for j, binned := range g.bins.Of {
		var sum [bins]float64
		var count [bins]int
		for _, i := range rows {
			b := binned[i]
			sum[b] += g.gradient[i]
			count[b]++
		}
		s, c := 0.0, 0
		for b := range g.bins.Cuts[j] {
			s += sum[b]
			c += count[b]
			if c < g.o.MinLeaf {
				continue
			}
			if len(rows)-c < g.o.MinLeaf {
				break
			}
			if gain := s*s/float64(c) + (total-s)*(total-s)/(n-float64(c)); gain > most {
				most, best, ok = gain, trees.Split{Feature: j, Bin: b}, true
			}
		}
	}
	return best, unlimited{}, unlimited{}, ok
}

// Quantile returns the smallest value of v that at least a share q of v does not pass, or 0 when v is empty.
// It does not change v.
func Quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	return s[rank(len(s), q)]
}

// rank is the index of the q-quantile among n sorted values.
func rank(n int, q float64) int {
	return min(n-1, max(0, int(math.Ceil(q*float64(n)-1e-9))-1))
}
