// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// On data of a known AUC the interval holds it in about 95 of 100 cases, and the paired interval of a ranking against itself is 0.
func TestBootstrap(t *testing.T) {
	const cases, n = 100, 300
	known := .5 * math.Erfc(-1/math.Sqrt2) // of two unit normals whose means are √2 apart: Φ(1)
	held, told := 0, 0
	for c := range cases {
		r := rand.New(rand.NewPCG(uint64(c), 1))
		good, bad, label := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range label {
			label[i] = float64(r.IntN(2))
			good[i], bad[i] = label[i]*math.Sqrt2+r.NormFloat64(), r.NormFloat64()
		}
		auc, minus := Bootstrap([][]float64{good, bad}, label, 1)
		if auc[0].Low <= known && known <= auc[0].High {
			held++
		}
		if minus[0].Low > 0 {
			told++
		}
		if minus[1] != (Interval{}) {
			t.Fatalf("a ranking against itself: %v", minus[1])
		}
	}
	if held < 85 || told < 95 {
		t.Errorf("%d intervals of %d hold the truth, and %d tell a good ranking from a random one", held, cases, told)
	}
	if auc, _ := Bootstrap([][]float64{{1, 2, 3}}, []float64{0, 0, 0}, 0); !math.IsNaN(auc[0].Low) {
		t.Errorf("without a violation: %v", auc)
	}
}

// Weighted AUC of weights 1 is the AUC, with ties.
func TestWeightedAUC(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for range 50 {
		n := 2 + r.IntN(40)
		risk, label, weight := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range risk {
			risk[i], label[i], weight[i] = float64(r.IntN(6)), float64(r.IntN(2)), 1
		}
		label[0], label[1] = 0, 1
		order := rank(risk)
		if got, want := order.auc(label, weight), AUC(risk, label); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v %v: %v, want %v", risk, label, got, want)
		}
	}
}
