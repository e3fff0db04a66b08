// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
)

// signTest is the two-sided probability of a split at least as uneven where both are equally likely.
func signTest(better, worse int) float64 {
	if better+worse == 0 {
		return 1
	}
	half := distuv.Binomial{N: float64(better + worse), P: .5}
	return min(1, 2*half.CDF(float64(min(better, worse))))
}

// signedRank is the exact two-sided probability of Wilcoxon's signed-rank test that differences lie about 0 (Wilcoxon, Individual
// comparisons by ranking methods, 1945). Differences of 0 are left out, and equal ones share their ranks.
func signedRank(differences []float64) float64 {
	d := slices.DeleteFunc(slices.Clone(differences), func(v float64) bool { return v == 0 })
	sizes := make([]float64, len(d))
	for i, v := range d {
		sizes[i] = math.Abs(v)
	}
	// Twice the ranks are whole numbers.
	total, positive := 0, 0
	twice := make([]int, len(d))
	for i, r := range ranks(sizes) {
		twice[i] = int(math.Round(2 * r))
		total += twice[i]
		if d[i] > 0 {
			positive += twice[i]
		}
	}
	chance := make([]float64, total+1) // of each sum of the positive ranks
	chance[0] = 1
	for _, r := range twice {
		for s := total; s >= 0; s-- {
			chance[s] /= 2
			if s >= r {
				chance[s] += chance[s-r] / 2
			}
		}
	}
	tail := 0.
	for s := range min(positive, total-positive) + 1 {
		tail += chance[s]
	}
	return min(1, 2*tail)
}

// ranks of values from 1 on; equal ones have the mean of theirs.
func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	out := make([]float64, len(v))
	for first := 0; first < len(v); {
		last := first
		for last+1 < len(v) && v[order[last+1]] == v[order[first]] {
			last++
		}
		for _, i := range order[first : last+1] {
			out[i] = float64(first+last)/2 + 1
		}
		first = last + 1
	}
	return out
}

// rankCorrelation is Spearman's.
func rankCorrelation(a, b []float64) float64 { return stat.Correlation(ranks(a), ranks(b), nil) }

// bootstrap is the interval in which nineteen of twenty resampled statistics lie (Efron, Bootstrap methods, 1979). It is
// the same for the same values.
func bootstrap(v []float64, statistic func([]float64) float64) (low, high float64) {
	random := rand.New(rand.NewPCG(1, 1))
	again, all := make([]float64, len(v)), make([]float64, 10000)
	for k := range all {
		for i := range again {
			again[i] = v[random.IntN(len(v))]
		}
		all[k] = statistic(again)
	}
	return fit.Quantile(all, .025), fit.Quantile(all, .975)
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func mean(v []float64) float64 { return stat.Mean(v, nil) }
