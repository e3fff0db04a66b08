// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package classify

import (
	"math"
	"testing"
)

// Without observations the weights are the prior's, with many what the observations say, and what may not be negative is not.
func TestShrunk(t *testing.T) {
	prior := []Prior{{0, 1}, {1, .5}}
	if s := FitShrunk([][]float64{{}, {}}, nil, prior, 1); s.Weights[0] != 0 || s.Weights[1] != 1 {
		t.Errorf("of nothing: %v", s.Weights)
	}
	fit := func(n int, label func(i int) float64) *Shrunk {
		x, y := [][]float64{nil, nil}, []float64(nil)
		for i := range n {
			x[0], x[1], y = append(x[0], 1), append(x[1], float64(i%2*2-1)), append(y, label(i))
		}
		return FitShrunk(x, y, prior, 1)
	}
	tenth := func(i int) float64 { return map[bool]float64{true: 1}[i%20 < 2] } // one in ten, whatever x
	few, many := fit(20, tenth), fit(20000, tenth)
	if p := Sigmoid(many.LogOdds([]float64{1, 1})); math.Abs(p-.1) > .01 {
		t.Errorf("after 20,000: %v, want .1", p)
	}
	if p := Sigmoid(few.LogOdds([]float64{1, -1})); !(p > .08 && p < .3) {
		t.Errorf("after 20: %v, want it between what was seen and the prior's", p)
	}
	if s := fit(2000, func(i int) float64 { return float64(1 - i%2) }); s.Weights[1] != 0 {
		t.Errorf("a feature that says the opposite has the weight %v", s.Weights[1])
	}
}
