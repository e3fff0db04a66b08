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
	d := (*Day)(nil).With(3, 1).With(4, 3).With(12, math.NaN()).With(13, -5).With(14, 1e300)
	for unix, want := range map[int64]float64{3 * 3600: 1, 3*3600 + 900: 1.5, 4*3600 + 1800: 3, 2*3600 + 60: 1} {
		if got, known := d.Over(86400 + unix); !known || got != want {
			t.Errorf("at %d: %v, %v, want %v", unix, got, known, want)
		}
	}
	for _, hour := range []int64{10, 12, 13} {
		if got, known := d.Over(hour * 3600); known {
			t.Errorf("hour %d that was not seen, or came to nonsense: %v", hour, got)
		}
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
				in := InputsOf(level, yesterday, 1+rng.Float64(), yesterday, 1.5, 0, 2)
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
			in := InputsOf(s.hour, 1, 1, 1, 1, s.known.Of(), 0)
			use := next(s)
			m.Learn(in, 0, use, use*use)
			s.known.Saw(s.hour, 1, use)
			s.hour = use
		}
		m.Solve()
	}
	lasting, short := 0.0, 0.0
	for i := range all {
		f := m.Forecast(InputsOf(3, 1, 1, 1, 1, all[i].known.Of(), 0), 0) / 30
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

// Of pods that rest every seventh day, last week comes to count, where yesterday misses two days of seven; a pod of which no week is known is forecast
// as by a mixture that knows no weeks.
func TestLastWeek(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	use := func(hour int) float64 {
		switch {
		case hour/24%7 == 6:
			return .2
		case hour%24 > 8 && hour%24 < 17:
			return 2
		}
		return .5
	}
	with, without := New(), New()
	var weeks *Week
	miss, missWithout := 0.0, 0.0
	const lead = 2
	for hour := range 21 * 24 {
		var days [24]float64
		for i := range days {
			days[i] = use(max(0, hour-24+i))
		}
		week, known := weeks.Over(int64(hour) * 3600)
		if known != (hour >= HoursOfWeek-1) { // The hour that follows stands in for the last one.
			t.Fatalf("hour %d of a week is known: %v", hour, known)
		}
		for range 20 {
			then, lastWeek := days[0], days[0]
			if known {
				lastWeek = week
			}
			y := use(hour) * (1 + .1*rng.NormFloat64())
			in := InputsOf(use(max(0, hour-lead-1)), then, use(max(0, hour-24-lead)), lastWeek, 1, .5, lead)
			plain := in
			plain[len(plain)-1] = 0
			a, b := with.Forecast(in, lead), without.Forecast(plain, lead)
			if !known && a != b {
				t.Fatalf("hour %d: forecast at %v, without weeks at %v", hour, a, b)
			}
			if hour >= 14*24 {
				miss, missWithout = miss+(a-y)*(a-y), missWithout+(b-y)*(b-y)
			}
			with.Learn(in, lead, y, y*y)
			without.Learn(plain, lead, y, y*y)
		}
		with.Solve()
		without.Solve()
		weeks = weeks.With(int64(hour), use(hour))
	}
	if miss > .3*missWithout {
		t.Errorf("in the third week squared errors are %.2f of those without last week; weights %.2f", miss/missWithout, with.Weights(lead))
	}
}

// A week that says what is absurd counts as one of twice the mean at most, what is no number teaches nothing, and clocks before 1970 have hours, too.
func TestWeekIsCareful(t *testing.T) {
	m := New()
	for range 1000 {
		m.Learn(InputsOf(1, 1, 1, math.NaN(), 1, 0, 0), 0, 1, 1)
	}
	m.Solve()
	if m.Weights(0) != New().Weights(0) {
		t.Errorf("weights became %v", m.Weights(0))
	}
	for _, absurd := range []float64{2, 1e9, math.Inf(1)} {
		if got, want := InputsOf(1, 1, 1, absurd, 1, 0, 0), InputsOf(1, 1, 1, 2, 1, 0, 0); got != want {
			t.Errorf("a week that says %v is taken for %v, want %v", absurd, got, want)
		}
	}
	for _, hour := range []int64{-1, -169, math.MinInt64 / 3600, math.MaxInt64 / 3600} {
		if got, known := (*Week)(nil).With(hour, 3).Over(hour * 3600); !known || got != 3 {
			t.Errorf("hour %d of a week: %v, %v", hour, got, known)
		}
		if got, known := (*Day)(nil).With(hour, 3).Over(hour * 3600); !known || got != 3 {
			t.Errorf("hour %d of a day: %v, %v", hour, got, known)
		}
	}
	if w := (*Week)(nil).With(0, 1); !w.Valid() {
		t.Error("a week of which an hour is known is not valid")
	} else if w[5] = float32(math.NaN()); w.Valid() {
		t.Error("a week with NaN is valid")
	}
}
