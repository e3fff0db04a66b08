// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import "math"

// Point is what a method's forecasts times Multiplier come to, as fractions.
type Point struct {
	Multiplier, Violation, Savings float64
}

// Example is what a method forecast for one judged machine, rescaled as for TestScaled, in order of time.
type Example struct {
	Hours     []int     // of the decisions, since the trace began
	Forecasts []float64 // shares of the machine's limit
	Peaks     []float64 // what came, in shares of the limit
}

const (
	examples    = 3 // machines
	curvePoints = 24
	// LeastViolation and MostViolation bound a Curve.
	LeastViolation, MostViolation = .001, .2
)

// curve goes through the multipliers that put the forecasts at rates of violations in even steps of their logarithm.
func curve(forecast, peaks, limit []float64) []Point {
	points := make([]Point, curvePoints)
	for i := range points {
		share := float64(i) / (curvePoints - 1)
		p := &points[i]
		p.Multiplier = multiplier(forecast, peaks, LeastViolation*math.Pow(MostViolation/LeastViolation, share))
		p.Violation, _, p.Savings = score(forecast, peaks, limit, p.Multiplier)
	}
	return points
}

// examples returns the first machines that were drawn, so that nobody picked them.
func (ds decisions) examples(forecast []float64, multiplier float64) []Example {
	var out []Example
	index := map[*machine]int{}
	for i, d := range ds {
		k, ok := index[d.machine]
		if !ok {
			if len(out) == examples {
				continue
			}
			k = len(out)
			index[d.machine] = k
			out = append(out, Example{})
		}
		e := &out[k]
		e.Hours = append(e.Hours, d.hour)
		e.Forecasts = append(e.Forecasts, min(1, forecast[i]*multiplier/d.machine.limit))
		e.Peaks = append(e.Peaks, d.peak/d.machine.limit)
	}
	return out
}
