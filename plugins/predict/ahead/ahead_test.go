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
				in := InputsOf(level, yesterday, 1+rng.Float64(), 1.5, 0, 2)
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
	if got := m.Forecast(Inputs{}, 100); got != 0 || math.Signbit(got) {
		t.Errorf("nothing is forecast at %v", got)
	}
}

// Of pods whose bursts last for hours and pods whose bursts are over at once, all at the same level now, the first are foreseen to stay there.
func TestPersistenceTellsPodsApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := New()
	type state struct {
		lasts bool
		hour  float64
		known Persistence
	}
	all := make([]state, 60)
	for i := range all {
		all[i] = state{lasts: i%2 == 0, hour: 1}
	}
	next := func(s *state) float64 {
		switch {
		case s.lasts && rng.Float64() < .85:
			return s.hour
		case rng.Float64() < .25:
			return 3
		}
		return .5
	}
	for range 24 * 6 {
		for i := range all {
			s := &all[i]
			in := InputsOf(s.hour, 1, 1, 1, s.known.Of(), 0)
			use := next(s)
			m.Learn(in, 0, use, use*use)
			s.known.Saw(s.hour, 1, use)
			s.hour = use
		}
		m.Solve()
	}
	lasting, short := 0.0, 0.0
	for i := range all {
		f := m.Forecast(InputsOf(3, 1, 1, 1, all[i].known.Of(), 0), 0) / 30
		if all[i].lasts {
			lasting += f
		} else {
			short += f
		}
	}
	// What they come to on average: .85·3 + .15·(.25·3 + .75·.5), and .25·3 + .75·.5.
	if lasting < 2.2 || lasting > 3.1 || short > 1.6 {
		t.Errorf("bursts that last are foreseen at %.2f an hour later, want 2.72; short ones at %.2f, want 1.13; weights %.2f", lasting, short, m.Weights(0))
	}
}

// A pod begins without persistence, and comes to it as hours are seen; what lies on the other side of the mean is none.
func TestPersistence(t *testing.T) {
	var p Persistence
	if p.Of() != 0 {
		t.Error(p.Of())
	}
	for range 3 {
		p.Saw(3, 1, 3)
	}
	if got := p.Of(); got < .3 || got > .36 {
		t.Errorf("three hours that kept all: %v", got)
	}
	for range 100 {
		p.Saw(3, 1, 3)
	}
	if got := p.Of(); got < .8 || got > 1 {
		t.Errorf("a hundred hours that kept all: %v", got)
	}
	for range 200 {
		p.Saw(3, 1, -1)
	}
	if p.Of() != 0 {
		t.Errorf("hours on the other side: %v", p.Of())
	}
}
