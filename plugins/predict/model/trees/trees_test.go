// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trees

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The example of Bins, and what NaN are in both kinds.
func TestBins(t *testing.T) {
	plain := Bins{Max: 4}
	plain.Add([]float64{1, 2, 3, 4, 5, 6, 7, 8})
	if !slices.Equal(plain.Of[0], []uint8{0, 0, 0, 1, 1, 2, 2, 3}) || !slices.Equal(plain.Cuts[0], []float64{3, 5, 7}) {
		t.Errorf("bins %v, cuts %v", plain.Of[0], plain.Cuts[0])
	}
	nan := Bins{Max: 3, NaN: true}
	nan.Add([]float64{math.NaN(), 4, 2, math.NaN(), 8, 6})
	if !slices.Equal(nan.Of[0], []uint8{0, 1, 1, 0, 2, 1}) || !slices.Equal(nan.Cuts[0], []float64{6}) {
		t.Errorf("bins %v, cuts %v", nan.Of[0], nan.Cuts[0])
	}
}

// drawn splits anywhere and numbers its leaves.
type drawn struct {
	rand *rand.Rand
	bins *Bins
	leaf []float64 // of each row
	n    float64
}

func (d *drawn) Split(rows []int32, _ int) (s Split, left, right int, ok bool) {
	s.Feature = d.rand.IntN(len(d.bins.Of))
	s.Bin = int(d.bins.Of[s.Feature][rows[0]])
	last := func(i int32) bool { return int(d.bins.Of[s.Feature][i]) > s.Bin }
	return s, 0, 0, slices.ContainsFunc(rows, last)
}

func (d *drawn) Leaf(rows []int32, _ int) float64 {
	d.n++
	for _, i := range rows {
		d.leaf[i] = d.n
	}
	return d.n
}

// What a tree says of a row is what the leaf said that the row was put into, whatever it was split by: the bins of rows and the thresholds
// of nodes part them alike, NaN too.
func TestTreesSayWhatTheyWereGrownFor(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := &Bins{Max: 2 + r.IntN(20), NaN: seed%2 == 0}
		columns := make([][]float64, 3)
		for j := range columns {
			columns[j] = make([]float64, 200)
			for i := range columns[j] {
				if columns[j][i] = math.Floor(20 * r.NormFloat64()); b.NaN && r.IntN(5) == 0 {
					columns[j][i] = math.NaN()
				}
			}
			b.Add(columns[j])
		}
		rows := make([]int32, 200)
		for i := range rows {
			rows[i] = int32(i)
		}
		d := &drawn{rand: r, bins: b, leaf: make([]float64, 200)}
		all := [][]Node{Grow(b, d, 6, rows, 0)}
		sum := SumNaNRight
		if b.NaN {
			sum = SumNaNLeft
		}
		for i := range 200 {
			if got := sum(100, all, []float64{columns[0][i], columns[1][i], columns[2][i]}); got != 100+d.leaf[i] {
				t.Fatalf("seed %d, row %d: the tree says %v, its leaf %v", seed, i, got-100, d.leaf[i])
			}
		}
	}
}
