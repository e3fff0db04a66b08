// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Known values: the tests are exact, so few pairs say just what can be counted by hand.
func TestPaired(t *testing.T) {
	for _, tc := range []struct {
		name      string
		got, want float64
	}{
		{"5 of 5", signTest(5, 0), 2. / 32},
		{"3 against 2", signTest(3, 2), 1},
		{"nobody", signTest(0, 0), 1},
		{"all five lower", signedRank([]float64{-1, -2, -3, -4, -5}), 2. / 32},
		{"all five higher, and one the same", signedRank([]float64{1, 2, 0, 3, 4, 5}), 2. / 32},
		// Sums of at most 1 of the ranks 1–5: none, and {1}.
		{"the smallest is the other way", signedRank([]float64{1, -2, -3, -4, -5}), 4. / 32},
		{"nothing differs", signedRank([]float64{0, 0}), 1},
		{"ties share ranks", ranks([]float64{7, 3, 7, 1})[2], 3.5},
		{"the same order", rankCorrelation([]float64{1, 2, 3}, []float64{10, 20, 900}), 1},
		{"median of four", median([]float64{4, 1, 3, 100}), 3.5},
	} {
		if math.Abs(tc.got-tc.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", tc.name, tc.got, tc.want)
		}
	}
}

// Where there is nothing to find, one in twenty comparisons finds it; where there is, most do.
func TestSignedRankLevel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := func(shift float64) (n int) {
		for range 400 {
			d := make([]float64, 30)
			for i := range d {
				d[i] = r.NormFloat64() + shift
			}
			if signedRank(d) < .05 {
				n++
			}
		}
		return n
	}
	if n := found(0); n < 5 || n > 40 {
		t.Errorf("%d of 400 find what is not there", n)
	}
	if n := found(1); n < 380 {
		t.Errorf("%d of 400 find what is there", n)
	}
	low, high := bootstrap([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, median)
	if again, _ := bootstrap([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, median); low != again || low < 1 || low >= 5 || high <= 5 || high > 9 {
		t.Errorf("%v–%v", low, high)
	}
	if p := signedRank(slices.Repeat([]float64{-1}, 40)); p > 1e-11 {
		t.Errorf("forty of forty: %v", p)
	}
}
