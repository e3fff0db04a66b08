// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics says how good predicted risks were.
package metrics

import (
	"math"
	"slices"
)

// AUC is the probability that a violation ranks above what is none, ties counting half (Hanley and McNeil, The meaning and
// use of the area under a ROC curve, 1982). It is NaN unless there are both. Labels are 0 or 1.
func AUC(risk, label []float64) float64 {
	order := make([]int, len(risk))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case risk[a] < risk[b]:
			return -1
		case risk[a] > risk[b]:
			return 1
		}
		return 0
	})
	var positives, ranks float64
	for i := 0; i < len(order); {
		j := i + 1 // NaN equals nothing, not even itself.
		here := label[order[i]]
		for ; j < len(order) && risk[order[j]] == risk[order[i]]; j++ {
			here += label[order[j]]
		}
		ranks += here * float64(i+1+j) / 2
		positives += here
		i = j
	}
	return (ranks - positives*(positives+1)/2) / (positives * (float64(len(risk)) - positives))
}

// Brier is the mean squared difference of risk and label; NaN of none.
func Brier(risk, label []float64) float64 {
	var sum float64
	for i, p := range risk {
		sum += (p - label[i]) * (p - label[i])
	}
	return sum / float64(len(risk))
}

// eceBins is how many bins of equal width ECE takes.
const eceBins = 10

// ECE is the expected calibration error over ten bins of equal width (Naeini et al., Obtaining well calibrated
// probabilities using Bayesian binning, 2015), 0–1; NaN of none.
func ECE(risk, label []float64) float64 {
	var gap [eceBins]float64
	for i, p := range risk {
		gap[min(int(p*eceBins), eceBins-1)] += p - label[i]
	}
	var sum float64
	for _, g := range gap {
		sum += math.Abs(g)
	}
	return sum / float64(len(risk))
}

// Admitted is the largest share of the observations that can be admitted, lowest risk first, with at most a share limit of
// the admitted being violations. Observations of equal risk are admitted together.
func Admitted(risk, label []float64, limit float64) float64 {
	order := make([]int, len(risk))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if risk[a] < risk[b] {
			return -1
		} else if risk[a] > risk[b] {
			return 1
		}
		return 0
	})
	best, violations := 0, 0.
	for k, i := range order {
		violations += label[i]
		if k+1 < len(order) && risk[order[k+1]] == risk[i] {
			continue
		}
		if violations <= limit*float64(k+1) {
			best = k + 1
		}
	}
	return float64(best) / float64(len(risk))
}
