// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package classify fits estimates of the probability of a violation: boosted trees and logistic regression.
package classify

import "math"

// Data is observations to learn from.
type Data struct {
	X [][]float64 // [feature][observation]; NaN where it was not measured
	Y []float64   // 1 for a violation, else 0
	W []float64   // weights, above 0
}

// Add appends an observation of weight w.
func (d *Data) Add(x []float64, y, w float64) {
	if d.X == nil {
		d.X = make([][]float64, len(x))
	}
	for j, v := range x {
		d.X[j] = append(d.X[j], v)
	}
	d.Y, d.W = append(d.Y, y), append(d.W, w)
}

// Row copies the features of observation i into x, which must have room for them, and returns it.
func (d *Data) Row(i int, x []float64) []float64 {
	for j := range d.X {
		x[j] = d.X[j][i]
	}
	return x
}

// Len returns how many observations there are; none of nil.
func (d *Data) Len() int {
	if d == nil {
		return 0
	}
	return len(d.Y)
}

// Append adds other's observations, their weights times w.
func (d *Data) Append(other *Data, w float64) {
	if other.Len() == 0 {
		return
	}
	for j := range d.X {
		d.X[j] = append(d.X[j], other.X[j]...)
	}
	d.Y = append(d.Y, other.Y...)
	for _, v := range other.W {
		d.W = append(d.W, v*w)
	}
}

// Between is the observations from..to.
func (d *Data) Between(from, to int) *Data {
	part := &Data{Y: d.Y[from:to], W: d.W[from:to]}
	for _, column := range d.X {
		part.X = append(part.X, column[from:to])
	}
	return part
}

// View is the same observations with some of the features.
func (d *Data) View(features []int) *Data {
	v := &Data{Y: d.Y, W: d.W}
	for _, f := range features {
		v.X = append(v.X, d.X[f])
	}
	return v
}

// Sigmoid is the probability that has the log-odds z.
func Sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

func logit(p float64) float64 { return math.Log(p / (1 - p)) }
