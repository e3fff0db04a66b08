// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
)

// method gives the log-odds of a violation of each row of test, learning from the other kinds and from what was seen of this one.
type method struct {
	name      string
	learns    bool
	needsHost bool
	logOdds   func(groups []*classify.Data, seen, test *classify.Data) []float64
}

const hostCPUName = "host-cpu"

// methods are ours and what it is compared with, all on the same features.
var methods = []method{
	{"foresight", false, false, foresight},
	{"logistic", true, false, logistic},
	{"gbdt", true, false, gbdt},
	{hostCPUName, false, true, hostCPU},
	{"threshold-80", false, true, threshold},
}

// foresight judges by the rank itself where there is nothing to learn from.
func foresight(groups []*classify.Data, seen, test *classify.Data) []float64 {
	if len(groups) == 0 {
		const few = 4
		if seen.Len() < few {
			return each(test, unlearned)
		}
		n := seen.Len()
		groups, seen = []*classify.Data{seen.Between(0, n/few)}, seen.Between(n/few, n)
	}
	return each(test, quality.Adapt(schema, groups, seen).LogOdds)
}

// unlearned is the rank by the machine's CPU with the curve that schedulers begin with. What is not known counts as a full machine.
func unlearned(x []float64) float64 {
	used := x[host] / 100
	if math.IsNaN(used) {
		used = 1
	}
	return quality.PriorLogOdds(used, math.NaN())
}

func logistic(groups []*classify.Data, seen, test *classify.Data) []float64 {
	m := classify.FitLogistic(pooled(groups, seen), 1e-4)
	return each(test, func(x []float64) float64 { return m.LogOdds(x) })
}

// gbdt is one boosted model of all features that are free to go either way, without weights.
func gbdt(groups []*classify.Data, seen, test *classify.Data) []float64 {
	m := classify.FitBoost(pooled(groups, seen), classify.BoostOptions{Rounds: 100, Depth: 4, MinWeight: 40, Rate: .1, Lambda: 1})
	return each(test, func(x []float64) float64 { return m.LogOdds(x) })
}

// hostCPU ranks by the machine's CPU alone; a logistic curve over it gives probabilities.
func hostCPU(groups []*classify.Data, seen, test *classify.Data) []float64 {
	all := pooled(groups, seen)
	if all.Len() == 0 {
		return each(test, unlearned)
	}
	m := classify.FitLogistic(&classify.Data{X: all.X[host : host+1], Y: all.Y, W: all.W}, 1e-4)
	// Whatever was learned, more use is more risk.
	m.Weights[0] = max(m.Weights[0], 1e-6)
	return each(test, func(x []float64) float64 { return m.LogOdds(x[host : host+1]) })
}

// threshold admits where the machine's CPU is at most 80 %.
func threshold(_ []*classify.Data, _, test *classify.Data) []float64 {
	return each(test, func(x []float64) float64 {
		const sure = 40
		if x[host] > 80 {
			return sure
		}
		return -sure
	})
}

func pooled(groups []*classify.Data, seen *classify.Data) *classify.Data {
	all := &classify.Data{X: make([][]float64, featureCount)}
	for _, g := range append(groups[:len(groups):len(groups)], seen) {
		all.Append(g, 1)
	}
	return all
}

func each(d *classify.Data, logOdds func(x []float64) float64) []float64 {
	p, row := make([]float64, len(d.Y)), make([]float64, featureCount)
	for i := range p {
		p[i] = logOdds(d.Row(i, row))
	}
	return p
}
