// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fit estimates the parts of a peak forecast from past decisions: boosted trees for a conditional
// quantile, a smooth twin of them, and a sum for the cheapest forecast at a violation rate.
//
// These are two different questions. A conditional quantile promises that *each* node's peak stays below the
// forecast with probability τ. A fleet asks less: that a share τ of *all* decisions holds, with the sum of the
// forecasts as small as possible. The best answer to the second allots violations to the nodes where headroom is
// dear (its Lagrangian is a threshold on the conditional density, as in the lemma of Neyman and Pearson), so no
// conditional quantile is optimal for it. Sum minimises it directly:
//
//	J(f) = q_τ(peak/f) · Σ f
//
// the sum of the forecasts after the rescaling that puts them at violation 1−τ. J does not change when f is
// rescaled, so the level is set last. Its gradient is that of log Σf less that of the quantile, which is the mean
// over the rows whose ratio is next to the quantile.
package fit

import (
	"math"
	"sort"
)

// Sum is f = Σ weight·x with weights of at least zero: stacked headroom.
type Sum struct{ Weight []float64 }

// At returns f. It is zero only where all weighted features are.
func (s *Sum) At(x []float64) float64 {
	f := 0.0
	for j, w := range s.Weight {
		f += w * x[j]
	}
	return f
}

// FitSum fits a Sum for quantile tau by descent on the logarithms of its weights. cost is the weight of each row's
// forecast: a node's limit when features are ratios to it. Ridge pulls the terms to equal shares.
func FitSum(x [][]float64, peak, cost []float64, tau float64, o DescentOptions) *Sum {
	n, p := len(x), len(x[0])
	scale := make([]float64, p)
	for _, row := range x {
		for j, v := range row {
			scale[j] += v / float64(n)
		}
	}
	theta := make([]float64, p) // log of the mean contribution of each feature
	s := &Sum{Weight: make([]float64, p)}
	set := func(theta []float64) {
		for j := range theta {
			s.Weight[j] = 0
			if scale[j] > 0 {
				s.Weight[j] = math.Exp(theta[j]) / scale[j]
			}
		}
	}
	d := newDescent(p, o)
	ratio, f := make([]float64, n), make([]float64, n)
	high, mean := make([]float64, p), make([]float64, p)
	for it := range o.Steps {
		set(theta)
		clear(high)
		clear(mean)
		total := 0.0
		for i, row := range x {
			f[i] = s.At(row) + tiny
			ratio[i] = peak[i] / f[i]
			total += cost[i] * f[i]
			for j, v := range row {
				mean[j] += cost[i] * v
			}
		}
		lo, hi := band(ratio, tau, d.sorted(n))
		count := 0.0
		for i, row := range x {
			if ratio[i] < lo || ratio[i] > hi {
				continue
			}
			count++
			for j, v := range row {
				high[j] += v / f[i]
			}
		}
		center := 0.0
		for _, t := range theta {
			center += t / float64(p)
		}
		for j := range theta {
			d.gradient[j] = s.Weight[j]*(mean[j]/total-high[j]/count) + o.Ridge*(theta[j]-center)
		}
		d.step(it, theta)
		for j := range theta { // a term this small is off; without a floor it could never come back
			theta[j] = max(theta[j], center-8)
		}
	}
	set(d.mean())
	for i, row := range x {
		ratio[i] = peak[i] / (s.At(row) + tiny)
	}
	q := Quantile(ratio, tau)
	for j := range s.Weight {
		s.Weight[j] *= q
	}
	return s
}

// tiny keeps ratios to an all-zero forecast finite.
const tiny = 1e-9

// DescentOptions control FitSum and FitProduct.
type DescentOptions struct {
	Steps int
	Rate  float64 // step of each weight
	Ridge float64 // pull to the start
}

// descent is Adam (Kingma and Ba, 2015). The steps shrink to a fifth after half of the way, and the result is the mean of
// the last quarter: the objective is a step function of the data, so its gradient never settles.
type descent struct {
	o               DescentOptions
	gradient        []float64
	m, v, sum, sort []float64
	sums            float64
}

func newDescent(p int, o DescentOptions) *descent {
	return &descent{o: o, gradient: make([]float64, p), m: make([]float64, p), v: make([]float64, p), sum: make([]float64, p)}
}

func (d *descent) sorted(n int) []float64 {
	if len(d.sort) < n {
		d.sort = make([]float64, n)
	}
	return d.sort[:n]
}

func (d *descent) step(it int, w []float64) {
	rate := d.o.Rate
	if it > d.o.Steps/2 {
		rate /= 5
	}
	c1, c2 := 1-math.Pow(.9, float64(it+1)), 1-math.Pow(.99, float64(it+1))
	for j, g := range d.gradient {
		d.m[j] = .9*d.m[j] + .1*g
		d.v[j] = .99*d.v[j] + .01*g*g
		w[j] -= rate * (d.m[j] / c1) / (math.Sqrt(d.v[j]/c2) + 1e-4)
	}
	if it >= d.o.Steps*3/4 {
		d.sums++
		for j := range w {
			d.sum[j] += w[j]
		}
	}
}

func (d *descent) mean() []float64 {
	for j := range d.sum {
		d.sum[j] /= max(1, d.sums)
	}
	return d.sum
}

// band returns the ratios half of 1-tau below and above the tau quantile. scratch has the length of ratio.
func band(ratio []float64, tau float64, scratch []float64) (lo, hi float64) {
	copy(scratch, ratio)
	sort.Float64s(scratch)
	return scratch[rank(len(ratio), 1-1.5*(1-tau))], scratch[rank(len(ratio), 1-.5*(1-tau))]
}
