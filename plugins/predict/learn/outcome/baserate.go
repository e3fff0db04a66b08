// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// BaseRate is what is added to a model's log-odds so that as many violations are foretold as come. It begins at a prior and
// is Bayesian: outcomes move it the more the less is known (a Kalman filter of the logistic loss). Example: from 0, after ten outcomes of
// risk .5 of which none is a violation, it is −1.3.
type BaseRate struct {
	Mean     float32
	variance float32
}

const (
	// unknownRate is the variance in log-odds before there are outcomes: in two of three clusters the truth lies within ±1.
	unknownRate = 1
	// leastVariance is what remains, since base rates move: some 200 outcomes at one in two count.
	leastVariance = .02
)

// NewBaseRate returns what is believed without outcomes.
func NewBaseRate(mean float32) BaseRate { return BaseRate{mean, unknownRate} }

// Learn takes an outcome. Risk is what was foretold when the mean was then.
func (b *BaseRate) Learn(risk float64, then float32, violated bool) {
	const surest = 1e-4
	risk = min(max(risk, surest), 1-surest)
	p := quality.Probability(float32(math.Log(risk/(1-risk))) + b.Mean - then)
	weight := p * (1 - p)
	gain := b.variance / (1 + weight*b.variance)
	g := -p
	if violated {
		g++
	}
	b.Mean += gain * g
	b.variance = max(gain, leastVariance)
}

// Doubt is the standard deviation of the mean.
func (b *BaseRate) Doubt() float32 { return float32(math.Sqrt(float64(b.variance))) }
