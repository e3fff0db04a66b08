// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// powers draws logarithms of features, and of a peak that is a product of powers of the first two and of noise between 1 and e.
func powers(seed uint64, n int) (x [][]float64, y []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		row := []float64{rng.NormFloat64(), 3 * rng.NormFloat64(), rng.NormFloat64(), 7}
		x = append(x, row)
		y = append(y, .7*row[0]-.4*row[1]+rng.Float64())
	}
	return x, y
}

var steady = DescentOptions{Steps: 300, Rate: .05}

// The quantile of a product of powers is found, and so is what has no part in it.
func TestProductFindsTheQuantile(t *testing.T) {
	x, y := powers(1, 4000)
	for _, tau := range []float64{.5, .9, .99} {
		p := FitProduct(x, y, tau, steady)
		fresh, _ := powers(2, 500)
		for _, row := range fresh {
			if want, got := .7*row[0]-.4*row[1]+tau, p.At(row); math.Abs(got-want) > .15 {
				t.Fatalf("τ=%v: %v at %v, want %v", tau, got, row, want)
			}
		}
	}
}

// Without ridge no other estimate near by has a smaller pinball loss, as the plain loss tells.
func TestProductAgainstItsPlainLoss(t *testing.T) {
	const tau = .9
	x, y := powers(3, 1000)
	loss := func(p *Product) float64 {
		sum := 0.
		for i, row := range x {
			d := y[i] - p.At(row)
			sum += max(tau*d, (tau-1)*d)
		}
		return sum / float64(len(x))
	}
	p := FitProduct(x, y, tau, steady)
	least := loss(p)
	for j := range p.Columns[:3] {
		for _, step := range []float64{-.05, .05} {
			other := &Product{Base: p.Base, Columns: append([]Column(nil), p.Columns...)}
			other.Columns[j].Weight += step
			if l := loss(other); l < least {
				t.Errorf("weight %d: the loss is %v, and %v at %+v", j, least, l, step)
			}
		}
	}
}

// Much ridge leaves the quantile of all rows; what is not a number, or far beyond all that was seen, gives a number.
func TestProductIsBounded(t *testing.T) {
	x, y := powers(4, 1000)
	o := steady
	o.Ridge = 1e4
	p := FitProduct(x, y, .9, o)
	if got, want := p.At(x[0]), Quantile(y, .9); math.Abs(got-want) > .1 {
		t.Errorf("with much ridge it is %v, want %v", got, want)
	}
	p = FitProduct(x, y, .9, steady)
	mean := make([]float64, len(p.Columns))
	for j, c := range p.Columns {
		mean[j] = c.Mean
	}
	nan := math.NaN()
	if got, want := p.At([]float64{nan, nan, nan, nan}), p.At(mean); got != want {
		t.Errorf("nothing known: %v, want %v as at the means", got, want)
	}
	if got, want := p.At([]float64{math.Inf(1), 0, 0, 7}), p.At([]float64{1e9, 0, 0, 7}); got != want || math.IsInf(got, 0) {
		t.Errorf("%v at an infinite feature, %v at a large one", got, want)
	}
}

func TestProductIsDeterministic(t *testing.T) {
	x, y := powers(5, 500)
	if a, b := FitProduct(x, y, .9, steady), FitProduct(x, y, .9, steady); !reflect.DeepEqual(a, b) {
		t.Error("two fits of the same rows differ")
	}
}
