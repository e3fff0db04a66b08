// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The peak of a set lies between its largest member and the sum, and grows with ρ and with every member.
func TestCombinerStaysBetweenMaxAndSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		var l Load
		largest, sum := 0.0, 0.0
		before := 0.0
		for range 1 + rng.IntN(30) {
			mean := rng.Float64()
			p := mean + rng.ExpFloat64()
			l = l.Add(mean, p)
			largest, sum = max(largest, p), sum+p
			previous := 0.0
			for _, rho := range []float64{0, .1, .5, 1} {
				got := Combiner{rho}.Peak(l)
				if got < largest-1e-9 || got > sum+1e-9 || got < previous-1e-9 {
					t.Fatalf("ρ=%v: peak %v, largest %v, sum %v, at smaller ρ %v", rho, got, largest, sum, previous)
				}
				previous = got
			}
			now := Combiner{.3}.Peak(l)
			if now < before-1e-9 {
				t.Fatalf("peak fell from %v to %v with one more member", before, now)
			}
			before = now
		}
	}
}

// ρ is found back, and the fitted combiner keeps the share it was asked to.
func TestFitCombiner(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	var loads []Load
	var peaks []float64
	for range 2000 {
		var l Load
		for range 10 {
			m := rng.Float64()
			l = l.Add(m, m+rng.ExpFloat64())
		}
		loads = append(loads, l)
		peaks = append(peaks, Combiner{.4 * rng.Float64()}.Peak(l))
	}
	c := FitCombiner(loads, peaks, .99)
	if math.Abs(c.Together-.396) > .01 {
		t.Errorf("ρ = %v, want about .396", c.Together)
	}
	held := 0
	for i, l := range loads {
		if peaks[i] <= c.Peak(l)+1e-9 {
			held++
		}
	}
	if share := float64(held) / float64(len(loads)); share < .99 {
		t.Errorf("held %v, want .99", share)
	}
}

func TestCombinerGarbage(t *testing.T) {
	l := Load{}.Add(math.NaN(), math.Inf(1)).Add(-1, -2).Add(1, 0)
	if got := (Combiner{math.NaN()}).Peak(l); got != 1 {
		t.Errorf("peak = %v, want 1", got)
	}
	if got := FitCombiner(nil, nil, .99).Together; got != 1 {
		t.Errorf("ρ = %v without data, want the cautious 1", got)
	}
}
