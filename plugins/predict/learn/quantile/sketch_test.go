// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quantile

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// plain is the sketch's twin: all values with their weights.
type plain []struct{ v, w float64 }

func (p plain) quantile(q float64) float64 {
	slices.SortFunc(p, func(a, b struct{ v, w float64 }) int {
		if a.v < b.v {
			return -1
		}
		return 1
	})
	total, sum := 0.0, 0.0
	for _, x := range p {
		total += x.w
	}
	for _, x := range p {
		if sum += x.w; sum >= q*total*(1-1e-9) {
			return x.v
		}
	}
	return p[len(p)-1].v
}

// The sketch tells quantiles as its plain twin does, to the width of a bucket, through half-lives of time.
func TestSketchAsItsTwin(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s, twin, unix := &Sketch{}, plain{}, int64(1_700_000_000)
		end := unix + 300*3600
		for unix < end {
			v := math.Exp(2 * rng.NormFloat64())
			s.Add(unix, v, 24*time.Hour)
			twin = append(twin, struct{ v, w float64 }{v, math.Exp2(float64(unix-end) / 86400)})
			unix += int64(rng.IntN(2 * 3600))
		}
		for _, q := range []float64{.05, .5, .9, .95, 1} {
			got, want := s.quantile(q), twin.quantile(q)
			if got < want*.98 || got > want*growth*1.02 {
				t.Errorf("seed %d: quantile %v is %v, the twin's %v", seed, q, got, want)
			}
		}
	}
}

// The bounds keep what they promise of values to come, also when there were few.
func TestSketchBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{1, 5, 19, 100} {
		above, below, tries := 0, 0, 4000
		for range tries {
			s := &Sketch{}
			for range n {
				s.Add(1, 1+rng.ExpFloat64(), time.Hour)
			}
			next := 1 + rng.ExpFloat64()
			if next > s.Upper(.95) {
				above++
			}
			if next < s.Lower() {
				below++
			}
		}
		// With fewer values no bound can keep so much of any distribution.
		most := max(.055, 1/float64(n+1))
		if share := float64(above) / float64(tries); share > most {
			t.Errorf("after %d values, %v of those to come are above the upper bound", n, share)
		}
		if share := float64(below) / float64(tries); share > max(.11, 1/float64(n+1)) {
			t.Errorf("after %d values, %v of those to come are below the lower bound", n, share)
		}
	}
}

// Whatever is added, the sketch stays small and its quantiles are numbers.
func FuzzSketch(f *testing.F) {
	f.Add(int64(5), 1.0, int64(7), 1e12, int64(-9), 0.0)
	f.Add(int64(1)<<62, math.Inf(1), int64(-1)<<62, math.NaN(), int64(0), -1.0)
	f.Fuzz(func(t *testing.T, t1 int64, v1 float64, t2 int64, v2 float64, t3 int64, v3 float64) {
		s := &Sketch{}
		for range 3 {
			s.Add(t1, v1, time.Hour)
			s.Add(t2, v2, time.Hour)
			s.Add(t3, v3, time.Hour)
		}
		if len(s.Weights) > widest {
			t.Fatalf("%d buckets", len(s.Weights))
		}
		for _, q := range []float64{s.quantile(0), s.quantile(.5), s.quantile(1), s.Upper(.95), s.Lower()} {
			if !(q >= 0) {
				t.Fatalf("a quantile of %v", q)
			}
		}
	})
}
