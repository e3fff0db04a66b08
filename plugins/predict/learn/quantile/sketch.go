// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quantile sketches what values were, so that quantiles bound those to come.
package quantile

import (
	"fmt"
	"math"
	"time"
)

const (
	// growth of the buckets: a quantile is told to 5 %, as the Vertical Pod Autoscaler's is.
	growth = 1.05
	// least value that is told from zero: a tenth of a millicore, and far less than a byte.
	least = 1e-4
	// widest is how many buckets a sketch has at most, for values up to 260,000 times apart. The smallest ones beyond
	// that are put together.
	widest = 256
)

// Sketch is a histogram of values whose weight halves with time. It holds the buckets between its smallest and its largest value
// only: those of one workload are mostly within a few tens of percent, and there are 100,000 sketches. Fields are
// exported to be saved.
type Sketch struct {
	// First is the bucket of Weights[0].
	First   int16
	Weights []float32
	// Begin is the Unix second at which a value weighs 1. Instead of decaying every bucket, later values weigh more.
	Begin int64
	// Count of values, without decay, up to 2²⁴.
	Count float32
}

func bucketOf(v float64) int { return int(math.Floor(math.Log(max(v, least)) / math.Log(growth))) }

// Add a value of at least 0.
func (s *Sketch) Add(unix int64, v float64, half time.Duration) {
	if !(v >= 0) || math.IsInf(v, 0) {
		return
	}
	if s.Begin == 0 {
		s.Begin = unix
	}
	age := float64(unix-s.Begin) / half.Seconds()
	if age > 40 || age < -40 { // the weights would leave float32
		for i := range s.Weights {
			s.Weights[i] *= float32(math.Exp2(-age))
		}
		s.Begin, age = unix, 0
	}
	s.Weights[s.slot(bucketOf(v))] += float32(math.Exp2(age))
	s.Count = min(s.Count+1, 1<<24)
}

// slot makes room for the bucket b and returns its place in Weights.
func (s *Sketch) slot(b int) int {
	first, n := int(s.First), len(s.Weights)
	switch {
	case n == 0:
		s.First, s.Weights = int16(b), make([]float32, 1)
		return 0
	case b < first:
		b = max(b, first+n-widest)
		if more := first - b; more > 0 {
			s.Weights = append(make([]float32, more, n+more), s.Weights...)
			s.First = int16(b)
		}
	case b >= first+n:
		wider := make([]float32, b-first+1)
		copy(wider, s.Weights)
		if cut := len(wider) - widest; cut > 0 {
			for _, w := range wider[:cut] {
				wider[cut] += w
			}
			wider = wider[cut:]
			s.First = int16(first + cut)
		}
		s.Weights = wider
	}
	return b - int(s.First)
}

// quantile returns the upper edge of the bucket at which a share q of the weight is reached; 0 without values.
func (s *Sketch) quantile(q float64) float64 {
	total, last := 0.0, -1
	for i, w := range s.Weights {
		total += float64(w)
		if w > 0 {
			last = i
		}
	}
	if last < 0 {
		return 0
	}
	sum := 0.0
	for i, w := range s.Weights[:last] {
		if sum += float64(w); sum >= q*total {
			return edge(int(s.First) + i)
		}
	}
	return edge(int(s.First) + last)
}

// edge is the upper edge of a bucket.
func edge(b int) float64 {
	v := math.Exp(float64(b+1) * math.Log(growth))
	if v <= least*growth {
		return 0 // all that is so small is nothing
	}
	return v
}

// Tells says whether there are values enough to tell what a share tau of those to come stays below.
func (s *Sketch) Tells(tau float64) bool { return (float64(s.Count)+1)*(1-tau) >= 1 }

// Upper returns what a share tau of the values to come stays below. Of n values the ⌈(n+1)τ⌉-th does that (split-conformal
// prediction); where there are too few of them, it is the largest, and the more for each that is missing.
func (s *Sketch) Upper(tau float64) float64 {
	n := float64(s.Count)
	q := math.Ceil((n+1)*tau) / n
	if q <= 1 {
		return s.quantile(q)
	}
	return s.quantile(1) * (1 + .5/(n+1))
}

// Lower returns what the values to come stay above with probability .9; the less, the fewer values there were.
func (s *Sketch) Lower() float64 {
	n := float64(s.Count)
	if q := math.Floor((n+1)*.1) / n; q > 0 {
		return s.quantile(q) / growth // the lower edge
	}
	return s.quantile(0) / growth * (1 - 1/(n+1))
}

// Validate returns an error for what no sketch can be, as a file may hold.
func (s *Sketch) Validate() error {
	if len(s.Weights) > widest || s.First < -2000 || s.First > 2000 || !(s.Count >= 0) {
		return fmt.Errorf("a sketch of %d buckets from %d", len(s.Weights), s.First)
	}
	for _, w := range s.Weights {
		if !(w >= 0) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("a weight of %v", w)
		}
	}
	return nil
}
