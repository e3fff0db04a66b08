// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package classify

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Logistic is logistic regression on the features as they are. It is immutable once fitted.
type Logistic struct {
	Weights   []float64 `json:"weights"`
	Intercept float64   `json:"intercept"`
	Means     []float64 `json:"means"` // what a NaN counts as
}

// LogOdds returns the estimate for x.
func (l *Logistic) LogOdds(x []float64) float64 {
	z := l.Intercept
	for j, w := range l.Weights {
		v := x[j]
		if math.IsNaN(v) {
			v = l.Means[j]
		}
		z += w * v
	}
	return z
}

// FitLogistic fits the labels by Newton's method with an L2 penalty on standardized weights (Hastie, Tibshirani,
// Friedman, The Elements of Statistical Learning, 4.4.1). Data must not be empty.
func FitLogistic(d *Data, penalty float64) *Logistic {
	k := len(d.X)
	means, scales := make([]float64, k), make([]float64, k)
	for j, column := range d.X {
		var sum, squares, n float64
		for i, v := range column {
			if !math.IsNaN(v) {
				sum, squares, n = sum+d.W[i]*v, squares+d.W[i]*v*v, n+d.W[i]
			}
		}
		if n > 0 {
			means[j] = sum / n
			scales[j] = math.Sqrt(max(squares/n-means[j]*means[j], 0))
		}
	}
	total := 0.
	for _, w := range d.W {
		total += w
	}
	beta := mat.NewVecDense(k+1, nil)
	x := mat.NewVecDense(k+1, nil)
	gradient, hessian := mat.NewVecDense(k+1, nil), mat.NewSymDense(k+1, nil)
	var step mat.VecDense
	for range 25 {
		gradient.Zero()
		hessian.Zero()
		for i, y := range d.Y {
			for j := range k {
				v := 0.
				if scales[j] > 0 && !math.IsNaN(d.X[j][i]) {
					v = (d.X[j][i] - means[j]) / scales[j]
				}
				x.SetVec(j, v)
			}
			x.SetVec(k, 1)
			p, w := Sigmoid(mat.Dot(beta, x)), d.W[i]/total
			gradient.AddScaledVec(gradient, w*(p-y), x)
			hessian.SymRankOne(hessian, max(w*p*(1-p), 1e-12), x)
		}
		for j := range k + 1 {
			ridge := penalty
			if j == k {
				ridge = 1e-6
			}
			gradient.SetVec(j, gradient.AtVec(j)+ridge*beta.AtVec(j))
			hessian.SetSym(j, j, hessian.At(j, j)+ridge)
		}
		var chol mat.Cholesky
		if !chol.Factorize(hessian) || chol.SolveVecTo(&step, gradient) != nil {
			break
		}
		// A long step is shortened, so that separable labels do not overshoot.
		if norm := mat.Norm(&step, 2); norm > 4 {
			step.ScaleVec(4/norm, &step)
		}
		beta.SubVec(beta, &step)
		if mat.Norm(&step, 2) < 1e-6 {
			break
		}
	}
	l := &Logistic{Weights: make([]float64, k), Intercept: beta.AtVec(k), Means: means}
	for j := range k {
		if scales[j] > 0 {
			l.Weights[j] = beta.AtVec(j) / scales[j]
			l.Intercept -= l.Weights[j] * means[j]
		}
	}
	return l
}
