// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

// ErrTau is the error of a quantile that the model was not trained for.
var ErrTau = errors.New("the model was not trained for this quantile")

// Input is what a forecast is made from: a moment of one node, or of one workload.
type Input struct {
	Features []float64 // of history.Features, ratios to Limit
	Limit    float64   // in the unit the forecast shall have
}

// Interval is a forecast of one peak, in the unit of the limit. 0 ≤ Lower ≤ Point ≤ Upper.
type Interval struct {
	Lower float64 // the peak passes it with probability .9
	Point float64 // median of the peak
	Upper float64 // bound at the asked quantile; what to reserve
}

// Model forecasts the peak of one resource over one horizon. It is immutable and safe for concurrent use.
//
// Upper at τ is calibrated for the fleet: of all decisions a share τ holds, and violations fall where headroom is
// dear. It is the geometric mean of forecasts with different faults: of a sum of features and of boosted trees for a conditional
// quantile, as much of a product of powers of features, and as much of two plain forecasts, those of history.Soon. For a long
// horizon it is the mean of sum, trees and the plain forecasts of history.Far, each alike. Its level is the one that holds τ in
// training.
type Model struct {
	taus    []float64 // ascending
	bounds  []bound   // of each tau
	lower   *fit.Trees
	point   *fit.Trees
	horizon int
	// lowerLevel is the logarithm of the lower bound's factor.
	lowerLevel float64
}

type bound struct {
	sum     *fit.Sum
	trees   *fit.Trees
	product *fit.Product // nil for a long horizon
	level   float64      // logarithm of the factor
}

// Taus returns the quantiles the model was trained for, in ascending order.
func (m *Model) Taus() []float64 { return slices.Clone(m.taus) }

// Horizon returns how many hours the model looks ahead.
func (m *Model) Horizon() int { return m.horizon }

// Forecast returns the interval of the peak whose upper bound a share tau of the fleet's decisions keeps. Bounds
// do not cross: a larger tau never has a lower bound. It returns ErrTau for a tau the model was not trained for, and an
// error for a feature vector of another length or a limit that is not positive.
func (m *Model) Forecast(in Input, tau float64) (Interval, error) {
	z, err := m.prepare(in)
	if err != nil {
		return Interval{}, err
	}
	k := slices.Index(m.taus, tau)
	if k < 0 {
		return Interval{}, fmt.Errorf("%w: %v of %v", ErrTau, tau, m.taus)
	}
	upper := math.Inf(-1)
	for i := range m.bounds[:k+1] {
		upper = max(upper, m.bounds[i].log(z))
	}
	point := min(upper, m.point.Predict(z.relative)+z.typical)
	lower := min(point, m.lower.Predict(z.relative)+z.typical+m.lowerLevel)
	return Interval{
		Lower: in.Limit * math.Exp(lower),
		Point: in.Limit * math.Exp(point),
		Upper: in.Limit * math.Exp(upper),
	}, nil
}

func (m *Model) prepare(in Input) (*design, error) {
	if len(in.Features) != history.FeatureLen {
		return nil, fmt.Errorf("%d features, want %d", len(in.Features), history.FeatureLen)
	}
	if !(in.Limit > 0) || math.IsInf(in.Limit, 0) {
		return nil, fmt.Errorf("limit %v is not positive and finite", in.Limit)
	}
	return newDesign(in.Features), nil
}

// design holds a feature vector in the forms the parts read.
type design struct {
	ratios   []float64 // to the limit
	relative []float64 // logarithms of ratios to the typical level, then that of the typical level, then the time of day
	typical  float64   // logarithm of the typical level
}

// logFloor is the ratio to the limit below which features are alike.
const logFloor = 1e-3

func newDesign(x []float64) *design {
	d := &design{ratios: make([]float64, history.Ratios), relative: make([]float64, 0, len(x)+1)}
	for j := range d.ratios {
		if v := x[j]; v > 0 { // NaN and negative values say as little as zero
			d.ratios[j] = min(v, 1e6)
		}
	}
	d.typical = math.Log(max(logFloor, history.Typical(d.ratios)))
	for _, v := range d.ratios {
		d.relative = append(d.relative, math.Log(max(v, logFloor))-d.typical)
	}
	d.relative = append(append(d.relative, d.typical), x[history.Ratios:]...)
	return d
}

// log returns the logarithm of the bound as a ratio to the limit.
func (b *bound) log(z *design) float64 {
	learned := logRatio(b.sum.At(z.ratios)) + b.trees.Predict(z.relative) + z.typical
	if b.product == nil {
		far := history.Far()
		for _, j := range far {
			learned += logRatio(z.ratios[j])
		}
		return learned/float64(2+len(far)) + b.level
	}
	soon := history.Soon()
	plain := (logRatio(z.ratios[soon[0]]) + logRatio(z.ratios[soon[1]])) / 2
	return (learned/2+b.product.At(z.relative)+z.typical+plain)/3 + b.level
}

func logRatio(v float64) float64 { return math.Log(max(v, 1e-6)) }
