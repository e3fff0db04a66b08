// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

// After 20, 100 and 1,000 outcomes of a cluster whose base rate is far from the model's, risks come near the truth, their intervals hold
// it nine times in ten, and outcomes of decisions made long before do not move it twice.
func TestBaseRate(t *testing.T) {
	for _, c := range []struct {
		outcomes, pending int
		most              float64 // mean calibration error
	}{{0, 1, 1}, {20, 1, .1}, {100, 1, .05}, {1000, 1, .03}, {1000, 100, .03}} {
		held, cases, sum := 0, 200, 0.
		for seed := range uint64(200) {
			r := rand.New(rand.NewPCG(seed, 5))
			off := float32(r.NormFloat64()) // what the model is off by
			b := NewBaseRate(0)
			type decision struct {
				risk     float64
				then     float32
				violated bool
			}
			var pending []decision
			for range c.outcomes {
				z := float32(-1 + 2*r.NormFloat64())
				pending = append(pending, decision{float64(quality.Probability(z + b.Mean)), b.Mean, r.Float32() < quality.Probability(z+off)})
				if len(pending) == c.pending {
					for _, d := range pending {
						b.Learn(d.risk, d.then, d.violated)
					}
					pending = nil
				}
			}
			risk, label := make([]float64, 3000), make([]float64, 3000)
			for i := range risk {
				z := float32(-1 + 2*r.NormFloat64())
				risk[i] = float64(quality.Probability(z + b.Mean))
				if r.Float32() < quality.Probability(z+off) {
					label[i] = 1
				}
			}
			sum += metrics.ECE(risk, label)
			if math.Abs(float64(b.Mean-off)) <= 1.645*float64(b.Doubt()) {
				held++
			}
		}
		if mean := sum / float64(cases); mean > c.most {
			t.Errorf("after %d outcomes the calibration error is %.3f, want at most %v", c.outcomes, mean, c.most)
		}
		if held < cases*8/10 {
			t.Errorf("after %d outcomes %d intervals of %d hold the truth", c.outcomes, held, cases)
		}
	}
}
