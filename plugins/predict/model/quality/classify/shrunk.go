// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package classify

import (
	"gonum.org/v1/gonum/mat"
)

// Prior is what is believed of a weight before there are observations: a normal distribution.
type Prior struct{ Mean, Deviation float64 }

// Shrunk is logistic regression whose weights stay near a prior until observations say otherwise. It is immutable once fitted.
type Shrunk struct{ Weights []float64 }

// FitShrunk finds the most probable weights for the features x[feature][observation], labels 0 or 1 and a prior for each
// feature, by Newton's method (MacKay, The evidence framework applied to classification networks, 1992). A constant is a feature
// like others. Weights from the feature least on cannot be negative: what would be is 0.
func FitShrunk(x [][]float64, label []float64, prior []Prior, least int) *Shrunk {
	k := len(x)
	s := &Shrunk{Weights: make([]float64, k)}
	fixed := make([]bool, k)
	for {
		s.newton(x, label, prior, fixed)
		again := false
		for j := least; j < k; j++ {
			if s.Weights[j] < 0 {
				fixed[j], again = true, true
			}
		}
		if !again {
			return s
		}
	}
}

func (s *Shrunk) newton(x [][]float64, label []float64, prior []Prior, fixed []bool) {
	k := len(x)
	for j := range k {
		s.Weights[j] = prior[j].Mean
		if fixed[j] {
			s.Weights[j] = 0
		}
	}
	gradient, hessian := mat.NewVecDense(k, nil), mat.NewSymDense(k, nil)
	row := mat.NewVecDense(k, nil)
	var step mat.VecDense
	for range 50 {
		gradient.Zero()
		hessian.Zero()
		for j := range k {
			precision := 1 / (prior[j].Deviation * prior[j].Deviation)
			if fixed[j] {
				precision = 1e12
			} else {
				gradient.SetVec(j, precision*(s.Weights[j]-prior[j].Mean))
			}
			hessian.SetSym(j, j, precision)
		}
		for i, y := range label {
			z := 0.
			for j := range k {
				row.SetVec(j, x[j][i])
				z += s.Weights[j] * x[j][i]
			}
			p := Sigmoid(z)
			gradient.AddScaledVec(gradient, p-y, row)
			hessian.SymRankOne(hessian, p*(1-p), row)
		}
		var chol mat.Cholesky
		if !chol.Factorize(hessian) || chol.SolveVecTo(&step, gradient) != nil {
			return
		}
		norm := mat.Norm(&step, 2)
		scale := min(1, 2/max(norm, 1e-300)) // A long step is shortened, so that it does not overshoot.
		for j := range k {
			if !fixed[j] {
				s.Weights[j] -= scale * step.AtVec(j)
			}
		}
		if norm < 1e-6 {
			return
		}
	}
}

// LogOdds returns the estimate for x.
func (s *Shrunk) LogOdds(x []float64) (z float64) {
	for j, w := range s.Weights {
		z += w * x[j]
	}
	return z
}
