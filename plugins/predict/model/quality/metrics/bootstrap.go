// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Interval holds nine tenths and a half of what resamples say: its ends are the 2.5 % and the 97.5 % quantile.
type Interval struct{ Low, High float64 }

const (
	// draws of a bootstrap: of 400, ten lie beyond each end of an interval.
	draws     = 400
	beyondEnd = draws / 40
)

// Bootstrap gives, for each of several rankings of the same observations in time order, the interval of its AUC, and that of
// its AUC minus the one of the ranking at against, from the same resamples. Neighbours in time are alike, so it draws runs of √n
// observations and not single ones (Politis and Romano, A circular block-resampling procedure for stationary data, 1992). It is
// the same each time. Without both labels the intervals are NaN.
func Bootstrap(risks [][]float64, label []float64, against int) (auc, minus []Interval) {
	n := len(label)
	samples := make([][]float64, len(risks))
	ranked := make([]ranking, len(risks))
	for k, risk := range risks {
		ranked[k] = rank(risk)
	}
	random := rand.New(rand.NewPCG(1, uint64(n)))
	weight := make([]float64, n)
	run := int(math.Ceil(math.Sqrt(float64(n))))
	for range draws {
		clear(weight)
		for left := n; left > 0; left -= run {
			from := random.IntN(n)
			for i := range min(run, left) {
				weight[(from+i)%n]++
			}
		}
		for k := range ranked {
			samples[k] = append(samples[k], ranked[k].auc(label, weight))
		}
	}
	for k := range samples {
		difference := make([]float64, len(samples[k]))
		for i, v := range samples[k] {
			difference[i] = v - samples[against][i]
		}
		auc, minus = append(auc, middle(samples[k])), append(minus, middle(difference))
	}
	return auc, minus
}

// middle is the interval of samples. Those without both labels say nothing.
func middle(samples []float64) Interval {
	known := slices.DeleteFunc(slices.Clone(samples), math.IsNaN)
	if len(known) < draws/2 {
		return Interval{math.NaN(), math.NaN()}
	}
	slices.Sort(known)
	end := beyondEnd * len(known) / draws
	return Interval{known[end], known[len(known)-1-end]}
}

// ranking is the order of observations by risk, with where each run of equal risks ends.
type ranking struct {
	order []int32
	last  []bool // whether the next one has a higher risk
}

func rank(risk []float64) ranking {
	r := ranking{make([]int32, len(risk)), make([]bool, len(risk))}
	for i := range r.order {
		r.order[i] = int32(i)
	}
	slices.SortFunc(r.order, func(a, b int32) int {
		switch {
		case risk[a] < risk[b]:
			return -1
		case risk[a] > risk[b]:
			return 1
		}
		return 0
	})
	for k := range r.order {
		r.last[k] = k+1 == len(r.order) || risk[r.order[k]] != risk[r.order[k+1]]
	}
	return r
}

// auc is AUC where each observation counts by its weight.
func (r *ranking) auc(label, weight []float64) float64 {
	var kept, violated, won, keptHere, violatedHere float64
	for k, i := range r.order {
		w := weight[i]
		violatedHere += w * label[i]
		keptHere += w * (1 - label[i])
		if r.last[k] {
			won += violatedHere * (kept + keptHere/2)
			kept, violated = kept+keptHere, violated+violatedHere
			keptHere, violatedHere = 0, 0
		}
	}
	return won / (kept * violated)
}
