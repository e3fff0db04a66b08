// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"
)

// percentOf is 100·eˣ, less its fraction, for x ≤ 0. It is asked of every node for every pod, and a table takes half the
// time of math.Exp (BenchmarkPercentOf).
func percentOf(x float32) int64 {
	if !(x > lowest) {
		return 0
	}
	percent := percents.below[int(-x*percentSteps)]
	for x >= percents.from[percent+1] {
		percent++
	}
	return percent
}

const (
	// percentSteps of the table for each unit of x.
	percentSteps = 64
	// lowest x of which the percentage is below 1: ln .01 is greater.
	lowest = -4.625
)

var percents = newPercentTable()

type percentTable struct {
	// from is the least x with each percentage, and +Inf beyond the last one.
	from [fwk.MaxScore + 2]float32
	// below is no more than the percentage of any x in the step.
	below [-lowest*percentSteps + 1]int64
}

func newPercentTable() (t percentTable) {
	percent := func(x float32) int64 { return int64(float64(fwk.MaxScore) * math.Exp(float64(x))) }
	for p := range t.from[:fwk.MaxScore+1] {
		// Floats of one sign are in the order of their bits: bisect these, -0 first.
		most, least := math.Float32bits(float32(math.Copysign(0, -1))), math.Float32bits(lowest)
		for most+1 < least {
			middle := most + (least-most)/2
			if percent(math.Float32frombits(middle)) >= int64(p) {
				most = middle
			} else {
				least = middle
			}
		}
		t.from[p] = math.Float32frombits(most)
	}
	t.from[fwk.MaxScore+1] = float32(math.Inf(1))
	for step := range t.below {
		t.below[step] = percent(-float32(step+1) / percentSteps)
	}
	return t
}
