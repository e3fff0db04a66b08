// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package classify

import (
	"math"
	"testing"
)

// Separable labels have no finite optimum; the penalty gives one.
func TestLogistic(t *testing.T) {
	d := &Data{}
	for i := range 100 {
		y := 0.
		if i >= 50 {
			y = 1
		}
		d.Add([]float64{float64(i), math.NaN()}, y, 1)
	}
	l := FitLogistic(d, 1e-3)
	if p := Sigmoid(l.LogOdds([]float64{20, 0})); p > .1 {
		t.Errorf("at 20: %v", p)
	}
	if p := Sigmoid(l.LogOdds([]float64{80, 0})); p < .9 {
		t.Errorf("at 80: %v", p)
	}
	if p := Sigmoid(l.LogOdds([]float64{math.NaN(), 0})); math.Abs(p-.5) > .1 {
		t.Errorf("unknown: %v", p)
	}
}
