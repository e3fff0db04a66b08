// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

// Adapted is a model that has seen outcomes of the very conditions that it judges. It blends three opinions: the plain rank, the
// members, and one boosted model of all features that is free to go either way. The outcomes decide their weights. Each opinion about an
// outcome was formed before that outcome was learned from (test, then train), so an opinion is trusted for what it foretold
// and not for what it remembers. Without outcomes it is the Model. It is immutable.
type Adapted struct {
	model *Model
	free  *classify.Boost
	blend *classify.Shrunk // nil without outcomes
}

// opinions are a constant, the plain rank, the members and the free model.
const opinions = 4

// surestOpinion is the largest log-odds, either way, that is believed of an opinion.
const surestOpinion = 7

// steps after each of which the outcomes of the next one are foretold, by what was learned from those before.
const steps = 4

// Adapt trains a model on groups, as Fit does, and on outcomes seen of the very conditions that will be judged, in time order.
func Adapt(schema Schema, groups []*classify.Data, seen *classify.Data) *Adapted {
	start, n := Fit(schema, groups), seen.Len()
	if n == 0 || start.Trust == 0 && !tells(seen.Y) {
		return &Adapted{model: start}
	}
	var x [opinions][]float64
	row := make([]float64, len(schema.Features))
	first := n / steps
	for k := 1; k < steps; k++ {
		from, to := k*n/steps, (k+1)*n/steps
		if from == to {
			continue
		}
		before := start.learnFrom(groups, seen.Between(0, from))
		for i := from; i < to; i++ {
			for j, v := range before.opinions(seen.Row(i, row)) {
				x[j] = append(x[j], v)
			}
		}
	}
	a, label := start.learnFrom(groups, seen), seen.Y[first:]
	beliefs := prior(start, seen)
	a.blend = classify.FitShrunk(x[:], label, beliefs, 1)
	// What foretold these outcomes worse than the plain rank did is not listened to. Where groups showed that the members carry over it
	// takes as many outcomes as persuade, and more than the interval.
	blended := make([]float64, len(label))
	for i := range blended {
		blended[i] = a.blend.LogOdds([]float64{x[0][i], x[1][i], x[2][i], x[3][i]})
	}
	behind := metrics.AUC(blended, label) < metrics.AUC(x[1], label)
	if behind && start.Trust > 0 {
		_, minus := metrics.Bootstrap([][]float64{blended, x[1]}, label, 1)
		behind = n >= persuaded && minus[0].High < 0
	}
	if behind {
		const deaf = 1e-6
		beliefs[1].Mean, beliefs[2], beliefs[3] = start.Slope, classify.Prior{Deviation: deaf}, classify.Prior{Deviation: deaf}
		a.blend = classify.FitShrunk(x[:], label, beliefs, 1)
		a.blend.Weights[2], a.blend.Weights[3] = 0, 0
	}
	return a
}

// learnFrom is a model whose opinions have learned from groups and from outcomes.
func (m *Model) learnFrom(groups []*classify.Data, seen *classify.Data) *Adapted {
	all := &classify.Data{X: make([][]float64, len(m.Schema.Features))}
	for _, g := range append(groups[:len(groups):len(groups)], seen) {
		all.Append(g, 1)
	}
	a := &Adapted{model: fitMembers(m.Schema, groups, seen), free: classify.FitBoost(all, memberOptions)}
	if m.Trust == 0 && seen.Len() > 0 {
		// Nothing says that the curve over utilisation is of such machines.
		a.model.PlainRank = relearned(m.PlainRank, seen.X[m.Schema.Plain], seen.Y)
	}
	return a
}

// relearned is a curve over the plain feature that was learned elsewhere, as outcomes correct it. It may be one of machines on which
// the feature has another scale, so its slope is free within what a standard deviation of the feature can tell.
func relearned(curve *classify.Logistic, plain, label []float64) *classify.Logistic {
	var n, sum, squares float64
	for _, v := range plain {
		if !math.IsNaN(v) {
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	if n < 2 {
		return curve
	}
	mean := sum / n
	scale := math.Sqrt(max(squares/n-mean*mean, 0))
	if scale == 0 {
		scale = 1
	}
	x := [][]float64{make([]float64, len(plain)), make([]float64, len(plain))}
	for i, v := range plain {
		x[0][i] = 1
		if !math.IsNaN(v) {
			x[1][i] = (v - mean) / scale
		}
	}
	usual := curve.Weights[0] * scale
	s := classify.FitShrunk(x, label, []classify.Prior{{Mean: curve.LogOdds([]float64{mean}), Deviation: moved}, {Mean: usual, Deviation: max(usual, 1)}}, 1)
	slope := max(s.Weights[1], 1e-3) / scale
	return &classify.Logistic{Weights: []float64{slope}, Intercept: s.Weights[0] - slope*mean, Means: []float64{mean}}
}

// tells says whether outcomes tell something of a service that was never seen. Those of one class alone are of a quiet time, or of a
// crowded one, and it takes many to tell that all times are alike.
func tells(label []float64) bool {
	for _, y := range label {
		if y != label[0] {
			return true
		}
	}
	return len(label) >= 10*persuaded
}

// moved is how far, as a standard deviation in log-odds, the base rate of a service is expected to be from that of others.
const moved = 2

// opinions about x.
func (a *Adapted) opinions(x []float64) [opinions]float64 {
	members, plain := a.model.logOdds(x, make([]float64, len(x)))
	o := [opinions]float64{1, plain, members, a.free.LogOdds(x)}
	for k := range o {
		o[k] = min(max(o[k], -surestOpinion), surestOpinion)
	}
	return o
}

const (
	// shifts and doubts are how far, as standard deviations, the base rate (in log-odds) and the weight of an opinion are expected to
	// be from what was learned elsewhere.
	shifts = .7
	doubts = .5
	// telling is how many violations, and outcomes without, it takes to change the weights of opinions.
	telling = 5
	// persuaded is the number of outcomes that halve the doubt about members that learned from them.
	persuaded = 100
)

// prior of the weights of opinions. The members begin with the trust that the groups gave them, and gain it as they learn from more
// outcomes.
func prior(start *Model, seen *classify.Data) []classify.Prior {
	n, violations := float64(seen.Len()), 0.
	for _, y := range seen.Y {
		violations += y
	}
	deviation := doubts
	if min(violations, n-violations) < telling {
		deviation = doubts / 10
	}
	convince := float64(persuaded)
	if start.Trust == 0 {
		convince *= 4 // Nothing else speaks for them.
	}
	trust := start.Trust + (1-start.Trust)*n/(n+convince)
	return []classify.Prior{
		{Mean: (1 - start.Slope) * start.Center, Deviation: shifts},
		{Mean: start.Slope * (1 - trust), Deviation: deviation}, {Mean: start.Slope * trust, Deviation: deviation}, {Mean: 0, Deviation: deviation},
	}
}

// LogOdds of a violation for the features x in the order of the schema.
func (a *Adapted) LogOdds(x []float64) float64 {
	if a.blend == nil {
		return a.model.LogOdds(x, make([]float64, len(x)))
	}
	o := a.opinions(x)
	return a.blend.LogOdds(o[:])
}
