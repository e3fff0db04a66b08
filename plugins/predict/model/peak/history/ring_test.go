// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A ring holds what an array of floats would, to one in 4,096, whatever comes in which order.
func TestRingAgainstFloats(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + rng.IntN(weekHours)
		var r Ring
		want, largest := make([]float32, n), float32(0)
		for i := range want {
			want[i] = unknown
		}
		scale := math.Pow(10, 20*rng.Float64()-5) // cores to bytes
		at := rng.Int64N(1e6) - 5e5
		for range 2 * n {
			switch at++; rng.IntN(8) {
			case 0:
				at += rng.Int64N(100)
			case 1:
				at -= rng.Int64N(100)
			}
			v := float32(scale * math.Exp(3*rng.NormFloat64()))
			switch rng.IntN(8) {
			case 0:
				v = unknown
			case 1:
				v = 0
			}
			r.Set(at, v, n)
			want[mod(at, int64(n))] = v
			largest = max(largest, v)
			for i, want := range want {
				got := r.At(int64(i), n)
				if want < 0 && got != unknown || want >= 0 && math.Abs(float64(got-want)) > float64(want)/4096+float64(largest)/(1<<29) {
					t.Fatalf("number %d of %d is %v, want %v", i, n, got, want)
				}
			}
		}
	}
}

// What a ring returns it holds exactly: maxima do not creep when they are taken and set again.
func TestRoundedStays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		v := Rounded(float32(math.Exp(20 * rng.NormFloat64())))
		var r Ring
		if r.Set(3, v, 7); r.At(3, 7) != v || Rounded(v) != v {
			t.Fatalf("%v is held as %v, and rounded as %v", v, r.At(3, 7), Rounded(v))
		}
	}
}

// A young series takes little memory, and an old one no more than it is said to.
func TestSeriesGrows(t *testing.T) {
	s := NewSeries(fiveMinutes, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	upTo := func(begin, days time.Duration) int {
		for at := begin * 24 * time.Hour; at < days*24*time.Hour; at += fiveMinutes.Interval {
			s.Observe(int64(at.Seconds()), .2+.6*rng.Float64())
		}
		return s.Bytes()
	}
	if s.Observe(0, .5); s.Bytes() > 300 {
		t.Errorf("%d bytes at the first sample", s.Bytes())
	}
	if got := upTo(0, 1); got > 500 {
		t.Errorf("%d bytes after a day", got)
	}
	if got := upTo(1, 60); got > 850 {
		t.Errorf("%d bytes after two months", got)
	}
}
