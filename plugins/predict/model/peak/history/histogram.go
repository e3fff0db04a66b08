// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"math"
	"unsafe"
)

// Buckets grow by 5 %, as those of the Vertical Pod Autoscaler do, from a thousandth of the scale to about twice it.
const (
	buckets     = 96
	firstBucket = 0.001
	growth      = 1.05
)

// histogram counts values relative to the scale with a weight that halves every so many samples. Instead of
// decaying every bucket at each sample, new samples weigh more, and everything is divided when weights get large:
// the trick of the VPA's decaying histogram.
type histogram struct {
	bucket []float32 // those from the one with the index from that have held anything, and some around them
	from   uint8
	total  float64
	weight float64 // of the next sample
}

// add a value; half is the number of samples after which its weight has halved.
func (h *histogram) add(v, half float64) {
	if h.weight == 0 {
		h.weight = 1
	}
	b := bucketOf(v)
	h.widen(b, b+1)
	h.bucket[b-int(h.from)] += float32(h.weight)
	h.total += h.weight
	h.weight *= math.Exp2(1 / half)
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
	for i, w := range h.bucket {
		if b := int(h.from) + i; b < buckets-1 {
			moved[bucketOf(by*(edge(b-1)+edge(b))/2)] += w
			h.total += float64(w)
		}
	}
	h.hold(&moved)
}

// hold makes the weights those of all.
func (h *histogram) hold(all *[buckets]float32) {
	h.bucket, h.from = nil, 0
	first, end := buckets, 0
	for b, w := range all {
		if w != 0 {
			first, end = min(first, b), b+1
		}
	}
	if first < end {
		h.widen(first, end)
		copy(h.bucket, all[h.from:])
	}
}

// all weights.
func (h *histogram) all() (all [buckets]float32) {
	copy(all[h.from:], h.bucket)
	return all
}

// widen makes room for the buckets from first up to end.
func (h *histogram) widen(first, end int) {
	from, to := int(h.from), int(h.from)+len(h.bucket)
	if from <= first && end <= to {
		return
	}
	if from == to {
		from, to = first, end
	}
	const step = 4 // buckets are 16 bytes, and 4 of them a fifth of the use
	from, to = min(from, first)/step*step, (max(to, end)+step-1)/step*step
	wider := make([]float32, to-from)
	copy(wider[max(0, int(h.from)-from):], h.bucket)
	h.bucket, h.from = wider, uint8(from)
}

func (h *histogram) bytes() int { return cap(h.bucket) * int(unsafe.Sizeof(h.bucket[0])) }

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
	for i, w := range h.bucket {
		sum += float64(w)
		if sum >= q*h.total*(1-1e-6) {
			return edge(int(h.from) + i)
		}
	}
	return edge(buckets - 1)
}
