// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trees grows regression trees on features that are reduced to a few bins each, and adds up what they say. What a split is worth
// and what a leaf says is the caller's: quantiles of peaks are fitted so, and risks of bad service.
package trees

import (
	"math"
	"sort"
)

// Node is an inner node, or a leaf when Left is 0 (no child can be the root). A tree is a slice of them; the root is entry 0.
type Node struct {
	Feature   int     `json:"f"`
	Threshold float64 `json:"t"` // values up to it go left
	Left      int     `json:"l"`
	Right     int     `json:"r"`
	Value     float64 `json:"v"`
}

// SumNaNLeft adds to base what the trees say of x, in which NaN goes left: they were grown on Bins with NaN.
func SumNaNLeft(base float64, all [][]Node, x []float64) float64 {
	for _, nodes := range all {
		k := 0
		for nodes[k].Left != 0 {
			if x[nodes[k].Feature] > nodes[k].Threshold {
				k = nodes[k].Right
			} else {
				k = nodes[k].Left
			}
		}
		base += nodes[k].Value
	}
	return base
}

// SumNaNRight is SumNaNLeft of trees that were grown on Bins without NaN.
func SumNaNRight(base float64, all [][]Node, x []float64) float64 {
	for _, nodes := range all {
		k := 0
		for nodes[k].Left != 0 {
			if x[nodes[k].Feature] <= nodes[k].Threshold {
				k = nodes[k].Left
			} else {
				k = nodes[k].Right
			}
		}
		base += nodes[k].Value
	}
	return base
}

// Bins are features whose values are reduced to a few bins each, for the search of splits. With 4 bins, 1 2 3 … 8 come to
// 0 0 0 1 1 2 2 3: the cuts are 3, 5 and 7, and a bin holds values up to its cut.
type Bins struct {
	Max int  // bins of a feature at most; at most 256
	NaN bool // bin 0 holds NaN, and nothing else
	// Cuts of each feature, ascending.
	Cuts [][]float64
	// Of each feature, the bin of each row.
	Of [][]uint8
}

// Add adds a feature.
func (b *Bins) Add(column []float64) {
	var sorted []float64
	most, first := b.Max, 0
	if b.NaN {
		most, first = b.Max-1, 1
		for _, v := range column {
			if !math.IsNaN(v) {
				sorted = append(sorted, v)
			}
		}
	} else {
		sorted = append(sorted, column...)
	}
	sort.Float64s(sorted)
	var cuts []float64
	for k := 1; k < most && len(sorted) > 0; k++ {
		if q := sorted[k*len(sorted)/most]; len(cuts) == 0 || q > cuts[len(cuts)-1] {
			cuts = append(cuts, q)
		}
	}
	of := make([]uint8, len(column))
	for i, v := range column {
		if !b.NaN || !math.IsNaN(v) {
			of[i] = uint8(first + sort.SearchFloat64s(cuts, v))
		}
	}
	b.Cuts, b.Of = append(b.Cuts, cuts), append(b.Of, of)
}

// threshold of the values that go left.
func (b *Bins) threshold(s Split) float64 {
	switch {
	case !b.NaN:
		return b.Cuts[s.Feature][s.Bin]
	case s.Bin == 0:
		return -math.MaxFloat64 // Only NaN goes left; JSON has no infinity.
	}
	return b.Cuts[s.Feature][s.Bin-1]
}

// Split parts rows: those whose feature is in bins up to Bin go left.
type Split struct{ Feature, Bin int }

// Criterion is what trees are grown for. L is what limits a subtree, such as the range of its values.
type Criterion[L any] interface {
	// Split returns the best split of the rows, with the limits of both sides; false where none is any good.
	Split(rows []int32, limits L) (s Split, left, right L, ok bool)
	// Leaf returns the value of a leaf with these rows, and adds it to what is estimated of them.
	Leaf(rows []int32, limits L) float64
}

// Grow returns a tree of a depth at most. It reorders rows.
func Grow[L any](b *Bins, c Criterion[L], depth int, rows []int32, limits L) []Node {
	g := grower[L]{bins: b, criterion: c}
	g.grow(rows, depth, limits)
	return g.nodes
}

type grower[L any] struct {
	bins      *Bins
	criterion Criterion[L]
	nodes     []Node
}

// grow appends the subtree of rows and returns its index.
func (g *grower[L]) grow(rows []int32, depth int, limits L) int {
	id := len(g.nodes)
	g.nodes = append(g.nodes, Node{})
	if depth > 0 {
		if s, leftLimits, rightLimits, ok := g.criterion.Split(rows, limits); ok {
			mid := part(rows, g.bins.Of[s.Feature], s.Bin)
			left := g.grow(rows[:mid], depth-1, leftLimits)
			right := g.grow(rows[mid:], depth-1, rightLimits)
			g.nodes[id] = Node{Feature: s.Feature, Threshold: g.bins.threshold(s), Left: left, Right: right}
			return id
		}
	}
	g.nodes[id].Value = g.criterion.Leaf(rows, limits)
	return id
}

// part moves the rows of the bins up to bin to the front and returns how many they are.
func part(rows []int32, of []uint8, bin int) int {
	mid := 0
	for k, i := range rows {
		if int(of[i]) <= bin {
			rows[k], rows[mid] = rows[mid], i
			mid++
		}
	}
	return mid
}
