// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// AUC against its definition, with ties.
func TestAUC(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n := 2 + r.IntN(60)
		risk, label := make([]float64, n), make([]float64, n)
		for i := range risk {
			risk[i], label[i] = float64(r.IntN(8)), float64(r.IntN(2))
		}
		won, pairs := 0., 0.
		for i := range risk {
			for j := range risk {
				if label[i] == 1 && label[j] == 0 {
					pairs++
					switch {
					case risk[i] > risk[j]:
						won++
					case risk[i] == risk[j]:
						won += .5
					}
				}
			}
		}
		if got, want := AUC(risk, label), won/pairs; math.Abs(got-want) > 1e-9 && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%v %v: got %v, want %v", risk, label, got, want)
		}
	}
}

// A risk that is no number is an answer that says nothing, and not one that is waited for.
func TestAUCOfNoNumber(t *testing.T) {
	AUC([]float64{math.NaN(), .5, math.NaN()}, []float64{0, 1, 1})
}

func TestCalibrationError(t *testing.T) {
	// Two of four at 0.9 and none of two at 0.1: |0.9-0.5|·4/6 + 0.1·2/6.
	risk, label := []float64{.9, .9, .9, .9, .1, .1}, []float64{1, 1, 0, 0, 0, 0}
	if got, want := ECE(risk, label), (.4*4+.1*2)/6; math.Abs(got-want) > 1e-9 {
		t.Errorf("ECE %v, want %v", got, want)
	}
	if got := ECE([]float64{1}, []float64{1}); got != 0 {
		t.Errorf("certain and right: ECE %v", got)
	}
	if !math.IsNaN(ECE(nil, nil)) || !math.IsNaN(Brier(nil, nil)) {
		t.Error("of nothing there is an error")
	}
}

func TestAdmitted(t *testing.T) {
	tests := []struct {
		name        string
		risk, label []float64
		want        float64
	}{
		{"the violation is last", []float64{1, 2, 3, 4}, []float64{0, 0, 0, 1}, .75},
		{"a violation in front, few enough later", []float64{1, 2, 3, 4, 5}, []float64{1, 0, 0, 0, 0}, 1},
		{"equal risks go together", []float64{1, 1, 2, 2}, []float64{0, 0, 0, 1}, .5},
		{"none", []float64{1, 1}, []float64{0, 1}, 0},
	}
	for _, tc := range tests {
		if got := Admitted(tc.risk, tc.label, .2); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
