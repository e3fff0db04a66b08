// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A profile is what an array of all hours of the week would be, to what its numbers are rounded by, also where hours are missing and
// after it was saved.
func TestProfileAgainstArray(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var p profile
		var want [week]float64
		for i := range want {
			want[i] = -1
		}
		hour := rng.Int64N(1e6)
		for range 700 { // hours, about four weeks
			if hour++; rng.IntN(20) == 0 {
				hour += rng.Int64N(30)
			}
			for range 1 + rng.IntN(20) {
				v := rng.ExpFloat64()
				at := &want[hour%week]
				if *at < 0 {
					*at = v
				}
				*at += (v - *at) / 30
				p.add(hour, v, 1./30)
			}
			if rng.IntN(100) == 0 {
				all := p.all()
				p = profileOf(&all)
			}
			for i, want := range want {
				if got := float64(p.of(int64(i))); (got < 0) != (want < 0) || want >= 0 && math.Abs(got-want) > want/1000 {
					t.Fatalf("in hour %d, hour %d of the week is %v, want %v", hour, i, got, want)
				}
			}
		}
	}
	if size := (&profile{}).hours.Bytes(); size != 0 {
		t.Errorf("an empty profile takes %d bytes", size)
	}
}
