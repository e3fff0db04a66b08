// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/peak/fit"
	"github.com/foresight-scheduler/foresight/plugins/predict/peak/history"
)

// ErrFewDecisions is the error of a Trainer that has seen too little to learn from.
var ErrFewDecisions = errors.New("too few completed decisions to train on")

// minDecisions is how many completed decisions a fit needs: at .99, fewer hold a handful of violations.
const minDecisions = 1000

// TrainerOptions configure a Trainer.
type TrainerOptions struct {
	Horizon  int       // hours ahead
	Taus     []float64 // quantiles to train for, each in (0, 1)
	Capacity int       // completed decisions kept; when there are more, a uniform random choice of them
	Seed     uint64    // of that choice
}

// Trainer collects decisions whose horizon is over and fits Models to them. A sample of bounded size is kept
// (Vitter, Random sampling with a reservoir, 1985), so it may be fed for ever; fit when convenient. It is not safe for
// concurrent use.
type Trainer struct {
	o    TrainerOptions
	rng  *rand.Rand
	seen int
	rows []row
}

type row struct {
	design *design
	peak   float64 // ratio to the limit
	cost   float64 // the limit
}

// NewTrainer returns an empty trainer, or an error that names the option that is wrong.
func NewTrainer(o TrainerOptions) (*Trainer, error) {
	if o.Horizon < 1 {
		return nil, fmt.Errorf("horizon %d: want at least 1 hour", o.Horizon)
	}
	if o.Capacity < minDecisions {
		return nil, fmt.Errorf("capacity %d: want at least %d", o.Capacity, minDecisions)
	}
	o.Taus = slices.Clone(o.Taus)
	slices.Sort(o.Taus)
	o.Taus = slices.Compact(o.Taus)
	if len(o.Taus) == 0 {
		return nil, errors.New("no quantiles to train for")
	}
	for _, tau := range o.Taus {
		if !(tau > 0 && tau < 1) {
			return nil, fmt.Errorf("quantile %v: want one between 0 and 1", tau)
		}
	}
	return &Trainer{o: o, rng: rand.New(rand.NewPCG(o.Seed, 1))}, nil
}

// Complete adds the decision in with the peak that came, in the unit of the limit. It reports false, and keeps nothing,
// for input that no forecast could be made from and for a peak that is not a finite number of at least zero.
func (t *Trainer) Complete(in Input, peak float64) bool {
	if len(in.Features) != history.FeatureLen || !(in.Limit > 0) || math.IsInf(in.Limit, 0) || !(peak >= 0) || math.IsInf(peak, 0) {
		return false
	}
	t.seen++
	at := len(t.rows)
	if at < t.o.Capacity {
		t.rows = append(t.rows, row{})
	} else if at = t.rng.IntN(t.seen); at >= t.o.Capacity {
		return true
	}
	t.rows[at] = row{design: newDesign(in.Features, in.HourOfDay), peak: max(peak/in.Limit, 1e-6), cost: in.Limit}
	return true
}

// Len returns how many completed decisions are kept.
func (t *Trainer) Len() int { return len(t.rows) }

// Fit returns a model of the decisions so far. It returns ErrFewDecisions, or the error of ctx when that ends first.
// The result depends only on the options and the decisions.
func (t *Trainer) Fit(ctx context.Context) (*Model, error) {
	n := len(t.rows)
	if n < minDecisions {
		return nil, fmt.Errorf("%w: %d of %d", ErrFewDecisions, n, minDecisions)
	}
	x, logs, relative := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	peaks, logPeaks, cost, y := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, r := range t.rows {
		x[i], logs[i], relative[i] = r.design.x, r.design.logs, r.design.relative
		peaks[i], logPeaks[i], cost[i] = r.peak, math.Log(r.peak), r.cost
		y[i] = logPeaks[i] - r.design.typical
	}
	start := make([]float64, history.FeatureLen)
	for _, j := range history.Rough() {
		start[j] += 1. / 3
	}
	trees := func(tau float64) *fit.Trees {
		if ctx.Err() != nil {
			return nil
		}
		return fit.FitTrees(relative, y, fit.TreeOptions{Tau: tau, Rounds: 60, Depth: 4, MinLeaf: max(20, n/120), Rate: .1})
	}
	m := &Model{taus: slices.Clone(t.o.Taus), horizon: t.o.Horizon, lower: trees(.1), point: trees(.5)}
	ratio := make([]float64, n)
	for _, tau := range m.taus {
		b := bound{trees: trees(tau)}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.product = fit.FitProduct(logs, logPeaks, cost, tau, start, fit.DescentOptions{Steps: 250, Rate: .02, Ridge: .03})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b.sum = fit.FitSum(x, peaks, cost, tau, fit.DescentOptions{Steps: 250, Rate: .05, Ridge: .005})
		for i, r := range t.rows {
			ratio[i] = logPeaks[i] - b.log(r.design)
		}
		b.level = fit.Quantile(ratio, tau)
		m.bounds = append(m.bounds, b)
	}
	return m, ctx.Err()
}
