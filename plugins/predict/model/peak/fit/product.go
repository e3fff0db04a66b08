// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fit

import "math"

// Product estimates the logarithm of a conditional quantile as a base and a sum of weighted columns. Where the columns are
// logarithms, the estimate is a product of powers of them. It is smooth where Trees have steps, and its weights may be
// negative where those of a Sum may not. It is immutable once fitted.
type Product struct {
	Base    float64
	Columns []Column
}

// Column is a column of a Product, in units of its deviation.
type Column struct{ Mean, Deviation, Weight float64 }

// farthest is by how many deviations a column may be off its mean: what was not seen is like the farthest that was.
const farthest = 4

// At returns the estimate for x. A NaN counts as the mean of its column.
func (p *Product) At(x []float64) float64 {
	sum := p.Base
	for j := range p.Columns {
		c := &p.Columns[j]
		sum += c.Weight * c.standard(x[j])
	}
	return sum
}

func (c *Column) standard(v float64) float64 {
	z := (v - c.Mean) / c.Deviation
	if z != z {
		return 0
	}
	return min(farthest, max(-farthest, z))
}

// blur is the width, in logarithms, within which a value is partly above and partly below an estimate: with as few
// values above it as an extreme quantile has, the descent would jump from one to the next.
const blur = .02

// FitProduct fits y on x by descent on the pinball loss for quantile tau (Koenker and Bassett, Regression quantiles, 1978),
// slightly smoothed. Ridge pulls the weights to zero. x holds one row per observation and must not be empty.
func FitProduct(x [][]float64, y []float64, tau float64, o DescentOptions) *Product {
	n, p := len(x), len(x[0])
	f := &Product{Columns: make([]Column, p)}
	for _, row := range x {
		for j, v := range row {
			f.Columns[j].Mean += v / float64(n)
		}
	}
	for j := range f.Columns {
		squares := 0.
		for _, row := range x {
			d := row[j] - f.Columns[j].Mean
			squares += d * d
		}
		f.Columns[j].Deviation = math.Sqrt(squares/float64(n)) + 1e-6
	}
	standard := make([]float64, n*p) // row by row
	for i, row := range x {
		for j, v := range row {
			standard[i*p+j] = f.Columns[j].standard(v)
		}
	}
	w := make([]float64, p+1) // the last one is the base
	w[p] = Quantile(y, tau)
	d := newDescent(p+1, o)
	for it := range o.Steps {
		clear(d.gradient)
		for i, v := range y {
			row := standard[i*p : (i+1)*p]
			at := w[p]
			for j, z := range row {
				at += w[j] * z
			}
			below := 1 / (1 + math.Exp((v-at)/blur))
			g := (below - tau) / ((1 - tau) * float64(n))
			for j, z := range row {
				d.gradient[j] += g * z
			}
			d.gradient[p] += g
		}
		for j := range f.Columns {
			d.gradient[j] += o.Ridge * w[j]
		}
		d.step(it, w)
	}
	w = d.mean()
	f.Base = w[p]
	for j := range f.Columns {
		f.Columns[j].Weight = w[j]
	}
	return f
}
