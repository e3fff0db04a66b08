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
	fold   int
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

// folds is how many parts the calibration cuts the decisions into.
const folds = 2

// NoFold is the fold of decisions that are learned from but not calibrated on.
const NoFold = -1

// Complete adds the decision in with the peak that came, in the unit of the limit. Decisions that share workloads belong
// in one fold, 0 or 1 (a node's, say, by its parity): the level of the bounds is found on folds the parts have not seen. Those
// that share workloads with both folds are NoFold. It reports false, and keeps nothing, for another fold, for input that no forecast could be made from and for a peak that is not a finite number of at least zero.
func (t *Trainer) Complete(in Input, peak float64, fold int) bool {
	if fold < NoFold || fold >= folds || len(in.Features) != history.FeatureLen || !(in.Limit > 0) || math.IsInf(in.Limit, 0) || !(peak >= 0) || math.IsInf(peak, 0) {
		return false
	}
	t.seen++
	at := len(t.rows)
	if at < t.o.Capacity {
		t.rows = append(t.rows, row{})
	} else if at = t.rng.IntN(t.seen); at >= t.o.Capacity {
		return true
	}
	t.rows[at] = row{fold: fold, design: newDesign(in.Features, in.HourOfDay), peak: max(peak/in.Limit, 1e-6), cost: in.Limit}
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
	all := gather(t.rows, func(row) bool { return true })
	m := &Model{taus: slices.Clone(t.o.Taus), horizon: t.o.Horizon, lower: all.trees(.1), point: all.trees(.5)}
	for _, tau := range m.taus {
		b, err := all.bound(ctx, tau)
		if err != nil {
			return nil, err
		}
		if b.level, err = t.level(ctx, tau, &b); err != nil {
			return nil, err
		}
		m.bounds = append(m.bounds, b)
	}
	return m, nil
}

// level returns the log factor that a bound needs to hold a share tau of the decisions. A bound looks better than it is on the
// workloads it was fitted to. It looks worse than it is when each fold is judged by parts fitted to the other one
// (cross-conformal prediction, Vovk, 2015), because those have seen half of the workloads only. The level is the mean of the two
// answers, as Efron (Estimating the error rate of a prediction rule, 1983) weighs resubstitution against the bootstrap. It is thus an
// estimate and no guarantee; a Tracker corrects what remains. Where a fold is too small to tell, only the first answer is there.
func (t *Trainer) level(ctx context.Context, tau float64, whole *bound) (float64, error) {
	own := fit.Quantile(gather(t.rows, func(row) bool { return true }).residuals(whole), tau)
	var residuals []float64
	for k := range folds {
		rest := gather(t.rows, func(r row) bool { return r.fold != k && r.fold != NoFold })
		held := gather(t.rows, func(r row) bool { return r.fold == k })
		if len(rest.y) < minDecisions/2 || len(held.y) < minDecisions/2 {
			return own, nil
		}
		b, err := rest.bound(ctx, tau)
		if err != nil {
			return 0, err
		}
		residuals = append(residuals, held.residuals(&b)...)
	}
	return (own + fit.Quantile(residuals, tau)) / 2, nil
}

// columns are rows in the forms the parts are fitted to.
type columns struct {
	designs           []*design
	x, logs, relative [][]float64
	peak, logPeak     []float64 // ratios to the limit
	cost              []float64
	y                 []float64 // log ratios to the typical level
}

func gather(rows []row, keep func(row) bool) *columns {
	c := &columns{}
	for _, r := range rows {
		if !keep(r) {
			continue
		}
		log := math.Log(r.peak)
		c.designs = append(c.designs, r.design)
		c.x, c.logs, c.relative = append(c.x, r.design.x), append(c.logs, r.design.logs), append(c.relative, r.design.relative)
		c.peak, c.logPeak, c.cost = append(c.peak, r.peak), append(c.logPeak, log), append(c.cost, r.cost)
		c.y = append(c.y, log-r.design.typical)
	}
	return c
}

func (c *columns) trees(tau float64) *fit.Trees {
	return fit.FitTrees(c.relative, c.y, fit.TreeOptions{Tau: tau, Rounds: 60, Depth: 4, MinLeaf: max(20, len(c.y)/120), Rate: .1})
}

// bound fits the three parts of a bound, without its level.
func (c *columns) bound(ctx context.Context, tau float64) (b bound, err error) {
	start := make([]float64, history.FeatureLen)
	for _, j := range history.Rough() {
		start[j] += 1. / 3
	}
	for _, part := range []func(){
		func() { b.trees = c.trees(tau) },
		func() {
			b.product = fit.FitProduct(c.logs, c.logPeak, c.cost, tau, start, fit.DescentOptions{Steps: 250, Rate: .02, Ridge: .03})
		},
		func() {
			b.sum = fit.FitSum(c.x, c.peak, c.cost, tau, fit.DescentOptions{Steps: 250, Rate: .05, Ridge: .005})
		},
	} {
		if err := ctx.Err(); err != nil {
			return bound{}, err
		}
		part()
	}
	return b, nil
}

func (c *columns) residuals(b *bound) []float64 {
	r := make([]float64, len(c.designs))
	for i, d := range c.designs {
		r[i] = c.logPeak[i] - b.log(d)
	}
	return r
}
