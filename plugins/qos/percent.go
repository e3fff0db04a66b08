// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"
)

// percentOf returns 100·eˣ without its fraction, for x ≤ 0: for −.2 it is 81. It is called for
// every node and every pod, and a table takes half the time of math.Exp (BenchmarkPercentOf).
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
	// percentSteps is the number of the table's steps for each unit of x.
	percentSteps = 64
	// lowest is an x whose percentage is below 1, as ln .01 = −4.605 is greater.
	lowest = -4.625
)

var percents = newPercentTable()

type percentTable struct {
	// from is the smallest x for each percentage, and +Inf after the last one.
	from [fwk.MaxScore + 2]float32
	// below is at most the percentage of any x in the step.
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
