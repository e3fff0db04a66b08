// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
)

// method gives the risk of each row of test, learning from the other kinds and from what was seen of this one.
type method struct {
	name      string
	learns    bool
	needsHost bool
	risk      func(groups []*quality.Data, seen, test *quality.Data) []float64
}

// methods are ours and what it is compared with, all on the same features.
var methods = []method{
	{"foresight", true, false, foresight},
	{"logistic", true, false, logistic},
	{"gbdt", true, false, gbdt},
	{"host-cpu", true, true, hostCPU},
	{"threshold-80", false, true, threshold},
}

func foresight(groups []*quality.Data, seen, test *quality.Data) []float64 {
	if len(groups) == 0 {
		groups, seen = []*quality.Data{seen}, nil
	}
	m := quality.Fit(schema, groups, seen)
	scratch := make([]float64, featureCount)
	return each(test, func(x []float64) float64 { return m.Risk(x, scratch) })
}

func logistic(groups []*quality.Data, seen, test *quality.Data) []float64 {
	m := quality.FitLogistic(pooled(groups, seen), 1e-4)
	return each(test, func(x []float64) float64 { return sigmoid(m.LogOdds(x)) })
}

// gbdt is one boosted model of all features that are free to go either way, without weights.
func gbdt(groups []*quality.Data, seen, test *quality.Data) []float64 {
	m := quality.FitBoost(pooled(groups, seen), quality.BoostOptions{Rounds: 100, Depth: 4, MinWeight: 40, Rate: .1, Lambda: 1})
	return each(test, func(x []float64) float64 { return sigmoid(m.LogOdds(x)) })
}

// hostCPU ranks by the machine's CPU alone; a logistic curve over it gives probabilities.
func hostCPU(groups []*quality.Data, seen, test *quality.Data) []float64 {
	all := pooled(groups, seen)
	m := quality.FitLogistic(&quality.Data{X: all.X[host : host+1], Y: all.Y, W: all.W}, 1e-4)
	// Whatever was learned, more use is more risk.
	m.Weights[0] = max(m.Weights[0], 1e-6)
	return each(test, func(x []float64) float64 { return sigmoid(m.LogOdds(x[host : host+1])) })
}

// threshold admits where the machine's CPU is at most 80 %.
func threshold(_ []*quality.Data, _, test *quality.Data) []float64 {
	return each(test, func(x []float64) float64 {
		if x[host] > 80 {
			return 1
		}
		return 0
	})
}

func pooled(groups []*quality.Data, seen *quality.Data) *quality.Data {
	all := &quality.Data{}
	row := make([]float64, featureCount)
	if seen != nil {
		groups = append(groups[:len(groups):len(groups)], seen)
	}
	for _, g := range groups {
		for i, y := range g.Y {
			all.Add(g.Row(i, row), y, 1)
		}
	}
	return all
}

func each(d *quality.Data, risk func(x []float64) float64) []float64 {
	p, row := make([]float64, len(d.Y)), make([]float64, featureCount)
	for i := range p {
		p[i] = risk(d.Row(i, row))
	}
	return p
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
