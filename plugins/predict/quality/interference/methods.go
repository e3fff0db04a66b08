// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/learn"
)

// method gives the risk of each row of test, learning from the other kinds and from what was seen of this one.
type method struct {
	name      string
	learns    bool
	needsHost bool
	risk      func(groups []*learn.Data, seen, test *learn.Data) []float64
}

// methods are ours and what it is compared with, all on the same features.
var methods = []method{
	{"foresight", true, false, foresight},
	{"logistic", true, false, logistic},
	{"gbdt", true, false, gbdt},
	{"host-cpu", true, true, hostCPU},
	{"threshold-80", false, true, threshold},
}

func foresight(groups []*learn.Data, seen, test *learn.Data) []float64 {
	if len(groups) == 0 {
		groups, seen = []*learn.Data{seen}, nil
	}
	m := quality.Fit(schema, groups, seen)
	scratch := make([]float64, featureCount)
	return each(test, func(x []float64) float64 { return m.Risk(x, scratch) })
}

func logistic(groups []*learn.Data, seen, test *learn.Data) []float64 {
	m := learn.FitLogistic(pooled(groups, seen), 1e-4)
	return each(test, func(x []float64) float64 { return learn.Sigmoid(m.LogOdds(x)) })
}

// gbdt is one boosted model of all features that are free to go either way, without weights.
func gbdt(groups []*learn.Data, seen, test *learn.Data) []float64 {
	m := learn.FitBoost(pooled(groups, seen), learn.BoostOptions{Rounds: 100, Depth: 4, MinWeight: 40, Rate: .1, Lambda: 1})
	return each(test, func(x []float64) float64 { return learn.Sigmoid(m.LogOdds(x)) })
}

// hostCPU ranks by the machine's CPU alone; a logistic curve over it gives probabilities.
func hostCPU(groups []*learn.Data, seen, test *learn.Data) []float64 {
	all := pooled(groups, seen)
	m := learn.FitLogistic(&learn.Data{X: all.X[host : host+1], Y: all.Y, W: all.W}, 1e-4)
	// Whatever was learned, more use is more risk.
	m.Weights[0] = max(m.Weights[0], 1e-6)
	return each(test, func(x []float64) float64 { return learn.Sigmoid(m.LogOdds(x[host : host+1])) })
}

// threshold admits where the machine's CPU is at most 80 %.
func threshold(_ []*learn.Data, _, test *learn.Data) []float64 {
	return each(test, func(x []float64) float64 {
		if x[host] > 80 {
			return 1
		}
		return 0
	})
}

func pooled(groups []*learn.Data, seen *learn.Data) *learn.Data {
	all := &learn.Data{}
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

func each(d *learn.Data, risk func(x []float64) float64) []float64 {
	p, row := make([]float64, len(d.Y)), make([]float64, featureCount)
	for i := range p {
		p[i] = risk(d.Row(i, row))
	}
	return p
}
