// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"math"
	"sort"
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
	Base  float64
	Nodes [][]Node // one slice per tree; the root is entry 0
}

// Node is an inner node, or a leaf when Left is 0 (no child can be the root).
type Node struct {
	Feature     int
	Threshold   float64
	Left, Right int
	Value       float64
}

// Predict returns the estimate for x. A NaN feature goes right.
func (t *Trees) Predict(x []float64) float64 {
	sum := t.Base
	for _, nodes := range t.Nodes {
		k := 0
		for nodes[k].Left != 0 {
			if x[nodes[k].Feature] <= nodes[k].Threshold {
				k = nodes[k].Left
			} else {
				k = nodes[k].Right
			}
		}
		sum += nodes[k].Value
	}
	return sum
}

// FitTrees fits y on x by gradient boosting of the pinball loss (Friedman, Greedy function approximation, 2001;
// Koenker and Bassett, Regression quantiles, 1978). The gradient of that loss takes two values only, so trees are
// grown on it, and each leaf then moves by the quantile of the residuals in it. The result depends on nothing but the
// arguments. x holds one row per observation and must not be empty.
func FitTrees(x [][]float64, y []float64, o TreeOptions) *Trees {
	g := &grower{x: x, y: y, o: o, f: make([]float64, len(y)), gradient: make([]float64, len(y))}
	g.bin()
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
		g.nodes = nil
		g.grow(rows, 0)
		t.Nodes = append(t.Nodes, g.nodes)
	}
	return t
}

type grower struct {
	x        [][]float64
	y        []float64
	o        TreeOptions
	cuts     [][]float64 // per feature, ascending: bin b holds values up to cuts[b]
	binned   [][]uint8   // [feature][row]
	f        []float64   // current estimates
	gradient []float64
	nodes    []Node
}

func (g *grower) bin() {
	n := len(g.x)
	column, sorted := make([]float64, n), make([]float64, n)
	for j := range g.x[0] {
		for i := range g.x {
			column[i] = g.x[i][j]
		}
		copy(sorted, column)
		sort.Float64s(sorted)
		var cuts []float64
		for k := 1; k < bins; k++ {
			if q := sorted[k*n/bins]; len(cuts) == 0 || q > cuts[len(cuts)-1] {
				cuts = append(cuts, q)
			}
		}
		b := make([]uint8, n)
		for i, v := range column {
			b[i] = uint8(sort.SearchFloat64s(cuts, v))
		}
		g.cuts, g.binned = append(g.cuts, cuts), append(g.binned, b)
	}
}

// grow appends the subtree of rows and returns its index. It reorders rows.
func (g *grower) grow(rows []int32, depth int) int {
	id := len(g.nodes)
	g.nodes = append(g.nodes, Node{})
	feature, bin := -1, 0
	if depth < g.o.Depth && len(rows) >= 2*g.o.MinLeaf {
		feature, bin = g.split(rows)
	}
	if feature < 0 {
		residual := make([]float64, len(rows))
		for k, i := range rows {
			residual[k] = g.y[i] - g.f[i]
		}
		v := g.o.Rate * Quantile(residual, g.o.Tau)
		for _, i := range rows {
			g.f[i] += v
		}
		g.nodes[id].Value = v
		return id
	}
	mid := g.partition(rows, feature, bin)
	left := g.grow(rows[:mid], depth+1)
	right := g.grow(rows[mid:], depth+1)
	g.nodes[id] = Node{Feature: feature, Threshold: g.cuts[feature][bin], Left: left, Right: right}
	return id
}

// partition moves the rows of the bins up to bin to the front and returns how many they are.
func (g *grower) partition(rows []int32, feature, bin int) int {
	binned, mid := g.binned[feature], 0
	for k, i := range rows {
		if int(binned[i]) <= bin {
			rows[k], rows[mid] = rows[mid], i
			mid++
		}
	}
	return mid
}

// split returns the feature and bin whose split reduces the squared error of the gradient most, or -1.
func (g *grower) split(rows []int32) (feature, bin int) {
	total, n := 0.0, float64(len(rows))
	for _, i := range rows {
		total += g.gradient[i]
	}
	feature = -1
	best := total*total/n + 1e-12
	for j := range g.binned {
		var sum [bins]float64
		var count [bins]int
		binned := g.binned[j]
		for _, i := range rows {
			b := binned[i]
			sum[b] += g.gradient[i]
			count[b]++
		}
		s, c := 0.0, 0
		for b := range g.cuts[j] {
			s += sum[b]
			c += count[b]
			if c < g.o.MinLeaf {
				continue
			}
			if len(rows)-c < g.o.MinLeaf {
				break
			}
			if gain := s*s/float64(c) + (total-s)*(total-s)/(n-float64(c)); gain > best {
				best, feature, bin = gain, j, b
			}
		}
	}
	return feature, bin
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
