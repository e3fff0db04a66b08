// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ahead

import (
	"math"
	"math/rand/v2"
	"testing"
)

// What an hour of yesterday says is the mean over the hours that it lies in, as far as they are known.
func TestDay(t *testing.T) {
	d := Unknown()
	d[3], d[4] = 1, 3
	for unix, want := range map[int64]float64{3 * 3600: 1, 3*3600 + 900: 1.5, 4*3600 + 1800: 3, 2*3600 + 60: 1} {
		if got, known := d.Over(86400 + unix); !known || got != want {
			t.Errorf("at %d: %v, %v, want %v", unix, got, known, want)
		}
	}
	if got, known := d.Over(10 * 3600); known {
		t.Errorf("an hour that was not seen: %v", got)
	}
	if _, known := (*Day)(nil).Over(0); known {
		t.Error("no day knows something")
	}
}

// Of pods that repeat their day, yesterday comes to count; of those that wander, the level of now.
func TestMixtureLearns(t *testing.T) {
	for _, repeats := range []bool{true, false} {
		rng := rand.New(rand.NewPCG(1, 1))
		m := New()
		miss, missFirst, n := 0.0, 0.0, 0.0
		for hour := range 24 * 6 {
			for range 50 {
				level, yesterday := 1+rng.Float64(), 1+rng.Float64()
				next := level
				if repeats {
					next = yesterday
				}
				next *= 1 + .05*rng.NormFloat64()
				in := Inputs{level, yesterday, 1 + rng.Float64(), 1.5}
				if hour > 24*3 {
					d, first := m.Forecast(in, 2)-next, New().Forecast(in, 2)-next
					miss, missFirst, n = miss+d*d, missFirst+first*first, n+1
				}
				m.Learn(in, 2, next, next*next)
			}
			m.Solve()
		}
		if miss > .3*missFirst || math.Sqrt(miss/n) > .15 {
			t.Errorf("repeats %v: an error of %.3f, of the first weights %.3f; weights %.2f", repeats, math.Sqrt(miss/n), math.Sqrt(missFirst/n), m.Weights(2))
		}
	}
}

// What is not known is what is known best; what is absurd teaches nothing.
func TestMixtureIsCareful(t *testing.T) {
	m := New()
	p := Pod{Now: 2, Mean: 1}
	if got := m.Forecast(p.Inputs(0, 5), 5); got != 2 {
		t.Errorf("a pod without a day is forecast at %v", got)
	}
	for range 1000 {
		m.Learn(Inputs{1, 1, 1, 1e-9}, 0, 1e9, 1e18)
		m.Learn(Inputs{math.NaN(), 1, 1, 1}, 0, 1, 1)
	}
	m.Solve()
	if m.Weights(0) != New().Weights(0) {
		t.Errorf("weights became %v", m.Weights(0))
	}
	if got := m.Forecast(Inputs{0, 0, 0, 0}, 100); got != 0 || math.Signbit(got) {
		t.Errorf("nothing is forecast at %v", got)
	}
}
