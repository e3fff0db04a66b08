// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package baseline

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

// The statistics are those of the raw samples, and there is one forecast per name.
func TestStatsAgainstRawSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	p := NewPast("cpu", 5*time.Minute)
	var v []float64
	for range 12 * 24 * 9 {
		v = append(v, rng.ExpFloat64())
		p.Observe(v[len(v)-1])
	}
	day, week := v[len(v)-288:], v[len(v)-2016:]
	s := p.Stats()
	sorted := append([]float64(nil), day...)
	sort.Float64s(sorted)
	largest := 0.0
	for _, x := range week {
		largest = max(largest, x)
	}
	if s.Last != v[len(v)-1] || s.Max1d != sorted[287] || s.P99 != sorted[285] || s.Max7d != largest {
		t.Errorf("%+v", s)
	}
	// An exponential's 90th and 95th percentiles, within a bucket and the noise of the sample.
	if math.Abs(s.VPA90-2.30) > .3 || math.Abs(s.VPA95-3.00) > .4 {
		t.Errorf("VPA %v and %v", s.VPA90, s.VPA95)
	}
	f := Forecasts(s, []Stats{s, s}, 10)
	if len(f) != len(Names()) || f[4] != 2*s.P99 || f[5] != max(s.Mean+5*s.Deviation, 2*s.P99) || f[9] != 9 {
		t.Errorf("forecasts %v", f)
	}
}

func TestGapsRepeatTheLastValue(t *testing.T) {
	p := NewPast("memory", 5*time.Minute)
	if s := p.Stats(); s != (Stats{}) {
		t.Errorf("stats of nothing: %+v", s)
	}
	p.Observe(3e9)
	p.Observe(math.NaN())
	if s := p.Stats(); s.Last != 3e9 || s.Mean != 3e9 {
		t.Errorf("%+v", s)
	}
}
