// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import "math"

// Buckets grow by 5 %, as those of the Vertical Pod Autoscaler do, from a thousandth of the scale to about twice it.
const (
	buckets     = 96
	firstBucket = 0.001
	growth      = 1.05
)

// histogram counts values relative to the scale with a weight that halves every half samples. Instead of
// decaying every bucket at each sample, new samples weigh more, and everything is divided when weights get large:
// the trick of the VPA's decaying histogram.
type histogram struct {
	bucket [buckets]float32
	total  float64
	weight float64 // of the next sample
	half   float64
}

func (h *histogram) add(v float64) {
	if h.weight == 0 {
		h.weight = 1
	}
	h.bucket[bucketOf(v)] += float32(h.weight)
	h.total += h.weight
	h.weight *= math.Exp2(1 / h.half)
	if h.weight > 1<<20 {
		for i := range h.bucket {
			h.bucket[i] /= float32(h.weight)
		}
		h.total /= h.weight
		h.weight = 1
	}
}

// rescale makes the values those relative to another scale, by times as large as they were. The last bucket is left out: how
// large its values are is not known.
func (h *histogram) rescale(by float64) {
	var moved [buckets]float32
	h.total = 0
	for b, w := range h.bucket[:buckets-1] {
		moved[bucketOf(by*(edge(b-1)+edge(b))/2)] += w
		h.total += float64(w)
	}
	h.bucket = moved
}

func bucketOf(v float64) int {
	if v < firstBucket {
		return 0
	}
	return min(buckets-1, int(math.Log1p(v*(growth-1)/firstBucket)/logGrowth))
}

// edge is the upper edge of a bucket, relative to the scale.
func edge(b int) float64 { return firstBucket * (math.Pow(growth, float64(b+1)) - 1) / (growth - 1) }

// logGrowth is ln 1.05.
const logGrowth = 0.04879016416943200306537

// quantile returns the upper edge of the bucket at which the weight passes q, relative to the scale.
func (h *histogram) quantile(q float64) float64 {
	if h.total == 0 {
		return 0
	}
	sum := 0.0
	for b, w := range h.bucket {
		sum += float64(w)
		if sum >= q*h.total*(1-1e-6) {
			return edge(b)
		}
	}
	return edge(buckets - 1)
}
