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

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
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

// Complete adds the decision in with the peak that came, in the unit of the limit. It reports false, and keeps nothing, for
// input that no forecast could be made from and for a peak that is not a finite number of at least zero.
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
	t.rows[at] = row{design: newDesign(in.Features), peak: max(peak/in.Limit, 1e-6), cost: in.Limit}
	return true
}

// Len returns how many completed decisions are kept.
func (t *Trainer) Len() int { return len(t.rows) }

// Fit returns a model of the decisions so far. It returns ErrFewDecisions, or the error of ctx when that ends first.
// The result depends only on the options and the decisions.
func (t *Trainer) Fit(ctx context.Context) (*Model, error) {
	if len(t.rows) < minDecisions {
		return nil, fmt.Errorf("%w: %d of %d", ErrFewDecisions, len(t.rows), minDecisions)
	}
	c := gather(t.rows)
	m := &Model{taus: slices.Clone(t.o.Taus), horizon: t.o.Horizon}
	for _, part := range []func(){
		func() { m.lower, m.lowerLevel = c.lower() },
		func() { m.point = c.trees(.5, 3) },
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part()
	}
	for _, tau := range m.taus {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.bounds = append(m.bounds, c.bound(tau, t.o.Horizon))
	}
	return m, ctx.Err()
}

// LowerAt is the quantile of Interval.Lower: the share of peaks that may stay below it.
const LowerAt = .1

// lower fits the lower bound, and its level by what each half of the decisions makes of the other: of those that it was fitted to,
// trees know too well which came to little.
func (c *columns) lower() (trees *fit.Trees, level float64) {
	half := len(c.y) / 2
	first, second := c.part(0, half), c.part(half, len(c.y))
	residuals := append(second.below(first.trees(LowerAt, 3)), first.below(second.trees(LowerAt, 3))...)
	return c.trees(LowerAt, 3), fit.Quantile(residuals, LowerAt)
}

// part is the decisions from one to before another.
func (c *columns) part(from, to int) *columns {
	return &columns{
		designs: c.designs[from:to], ratios: c.ratios[from:to], relative: c.relative[from:to], peak: c.peak[from:to], cost: c.cost[from:to],
		y: c.y[from:to],
	}
}

// below is how far each peak's logarithm is above what the trees say.
func (c *columns) below(trees *fit.Trees) (residuals []float64) {
	for i, x := range c.relative {
		residuals = append(residuals, c.y[i]-trees.Predict(x))
	}
	return residuals
}

// columns are rows in the forms the parts are fitted to.
type columns struct {
	designs          []*design
	ratios, relative [][]float64
	peak, cost       []float64 // ratios to the limit; limits
	y                []float64 // log ratios to the typical level
}

func gather(rows []row) *columns {
	c := &columns{}
	for _, r := range rows {
		c.designs = append(c.designs, r.design)
		c.ratios, c.relative = append(c.ratios, r.design.ratios), append(c.relative, r.design.relative)
		c.peak, c.cost = append(c.peak, r.peak), append(c.cost, r.cost)
		c.y = append(c.y, math.Log(r.peak)-r.design.typical)
	}
	return c
}

func (c *columns) trees(tau float64, depth int) *fit.Trees {
	return fit.FitTrees(c.relative, c.y, fit.TreeOptions{Tau: tau, Rounds: 40, Depth: depth, MinLeaf: max(20, len(c.y)/60), Rate: .1})
}

// farFrom is the horizon, in hours, from which a horizon is far.
const farFrom = 6

// productRidge is the pull to zero on the weights of a product for one decision: the more decisions, the more they count.
const productRidge = 30000

// bound fits the parts of a bound and its level.
func (c *columns) bound(tau float64, horizon int) bound {
	// Soon, every feature is a fair forecast: what helps most is the mean of many, and few weights can be learned from
	// violations that one burst brings to many nodes at once. Far, the last hours say little, and weights have to be learned.
	ridge := .08
	if horizon >= farFrom {
		ridge = .005
	}
	// An extreme quantile has too few violations to learn from: trees and product look at twice as many. What ranks nodes there
	// ranks them further out as well, and the level makes up for the difference.
	milder := max(.5, 1-2*(1-tau))
	b := bound{
		sum:   fit.FitSum(c.ratios, c.peak, c.cost, tau, fit.DescentOptions{Steps: 200, Rate: .05, Ridge: ridge}),
		trees: c.trees(milder, 2),
	}
	if horizon < farFrom {
		b.product = fit.FitProduct(c.relative, c.y, milder, fit.DescentOptions{Steps: 200, Rate: .05, Ridge: productRidge / float64(len(c.y))})
	}
	learned := make([]float64, len(c.designs))
	for i, z := range c.designs {
		learned[i] = b.log(z)
	}
	b.level = c.level(learned, tau)
	return b
}

// level returns the logarithm of the factor at which a share tau of the decisions keep the forecasts, given as logarithms of
// ratios to the limit.
func (c *columns) level(forecasts []float64, tau float64) float64 {
	residuals := make([]float64, len(forecasts))
	for i, f := range forecasts {
		residuals[i] = c.y[i] + c.designs[i].typical - f
	}
	return fit.Quantile(residuals, tau)
}
