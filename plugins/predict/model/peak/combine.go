// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
)

// Load is what a set of workloads adds up to. Adding a workload takes constant time and needs no history of the set,
// so a node's peak with a pod it does not run yet costs a few additions. The zero value is an empty set.
type Load struct {
	Mean     float64 // Σ mean usage
	Excess   float64 // Σ (peak − mean)
	Squares  float64 // Σ (peak − mean)²
	Largest  float64 // largest single peak
	SumPeaks float64 // Σ peaks
}

// Add returns the load with a workload of the given mean usage and peak forecast, in one unit. A peak below the mean
// counts as the mean. Values that are negative, NaN or infinite count as zero.
func (l Load) Add(mean, peak float64) Load {
	mean = finite(mean)
	peak = max(mean, finite(peak))
	excess := peak - mean
	return Load{
		Mean: l.Mean + mean, Excess: l.Excess + excess, Squares: l.Squares + excess*excess,
		Largest: max(l.Largest, peak), SumPeaks: l.SumPeaks + peak,
	}
}

func finite(v float64) float64 {
	if v > 0 && !math.IsInf(v, 0) {
		return v
	}
	return 0
}

// Combiner turns a Load into a node peak: Σμ + √((1−ρ)·Σe² + ρ·(Σe)²) with excesses e over means μ, the deviation of a
// sum whose terms all correlate by ρ. At ρ = 1 peaks coincide and add up; at 0 they are independent.
type Combiner struct {
	// Together is ρ, from 0 to 1.
	Together float64
}

// Peak returns the peak of the set, clamped between its largest member's peak and the sum of all.
func (c Combiner) Peak(l Load) float64 {
	rho := c.Together
	if !(rho >= 0 && rho <= 1) { // what is not a correlation is no reason to reserve less
		rho = 1
	}
	p := l.Mean + math.Sqrt(max(0, (1-rho)*l.Squares+rho*l.Excess*l.Excess))
	return min(l.SumPeaks, max(l.Largest, p))
}

// FitCombiner returns the combiner with the least ρ that keeps a share tau of the observed peaks: peaks[i] is what the
// set loads[i] came to. Where even the sum of the peaks fails more often, ρ is 1. Without observations it is 1 too.
func FitCombiner(loads []Load, peaks []float64, tau float64) Combiner {
	if len(loads) == 0 || len(loads) != len(peaks) {
		return Combiner{Together: 1}
	}
	// Peak(ρ) = observed solves for ρ in closed form; the tau quantile of the solutions is the answer.
	need := make([]float64, len(loads))
	for i, l := range loads {
		excess := peaks[i] - l.Mean
		switch span := l.Excess*l.Excess - l.Squares; {
		case excess <= 0 || peaks[i] <= l.Largest:
			need[i] = 0
		case span <= 0:
			need[i] = 1
		default:
			need[i] = min(1, max(0, (excess*excess-l.Squares)/span))
		}
	}
	return Combiner{Together: fit.Quantile(need, tau)}
}
