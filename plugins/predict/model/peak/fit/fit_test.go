// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"math"
	"math/rand/v2"
	"reflect"
	"sort"
	"testing"
)

// sample draws rows whose peak is a known quantile function of the features: x0·(1 + x1·u), u uniform.
func sample(seed uint64, n int) (x [][]float64, peak, cost []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		a, b := .1+rng.Float64(), .1+rng.Float64()
		p := a * (1 + b*rng.Float64())
		x = append(x, []float64{a, b, a * b, rng.Float64()})
		peak, cost = append(peak, p), append(cost, 1)
	}
	return x, peak, cost
}

func share(f func(i int) float64, peak []float64) float64 {
	over := 0
	for i, p := range peak {
		if p > f(i)*(1+1e-9) {
			over++
		}
	}
	return float64(over) / float64(len(peak))
}

// Trees hold their quantile on data they have not seen.
func TestTreesHoldTheirQuantile(t *testing.T) {
	x, peak, _ := sample(1, 8000)
	xt, pt, _ := sample(2, 8000)
	for _, tau := range []float64{.5, .9, .99} {
		trees := FitTrees(x, peak, TreeOptions{Tau: tau, Rounds: 60, Depth: 3, MinLeaf: 100, Rate: .1})
		got := share(func(i int) float64 { return trees.Predict(xt[i]) }, pt)
		if math.Abs(got-(1-tau)) > .3*(1-tau)+.005 {
			t.Errorf("τ=%v: %v of the peaks pass", tau, got)
		}
	}
}

// The chosen split is the one that trying all of them finds.
func TestSplitAgainstPlainTwin(t *testing.T) {
	x, peak, _ := sample(3, 500)
	g := &pinball{y: peak, o: TreeOptions{MinLeaf: 20}, gradient: make([]float64, len(peak)), bins: binsOf(x)}
	rows := make([]int32, len(peak))
	for i := range rows {
		rows[i] = int32(i)
		g.gradient[i] = math.Sin(3*x[i][0]) + x[i][3]
	}
	s, _, _, _ := g.Split(rows, unlimited{})
	feature, bin := s.Feature, s.Bin
	best, bf, bt := math.Inf(1), -1, 0.0
	for j := range x[0] {
		for _, cut := range g.bins.Cuts[j] {
			var l, r []float64
			for i := range x {
				if x[i][j] <= cut {
					l = append(l, g.gradient[i])
				} else {
					r = append(r, g.gradient[i])
				}
			}
			if len(l) < 20 || len(r) < 20 {
				continue
			}
			if e := squares(l) + squares(r); e < best-1e-9 {
				best, bf, bt = e, j, cut
			}
		}
	}
	if feature != bf || g.bins.Cuts[feature][bin] != bt {
		t.Errorf("split at feature %d, %v; the twin says %d, %v", feature, g.bins.Cuts[feature][bin], bf, bt)
	}
}

func squares(v []float64) float64 {
	mean, s := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		s += (x - mean) * (x - mean)
	}
	return s
}

// A sum ends at the violation rate it was asked for, and costs less than the best single feature that does.
func TestSum(t *testing.T) {
	x, peak, cost := sample(4, 6000)
	const tau = .99
	sum := FitSum(x, peak, cost, tau, DescentOptions{Steps: 300, Rate: .03, Ridge: .001})
	single := math.Inf(1)
	for j := range x[0] {
		var ratio []float64
		total := 0.0
		for i := range x {
			ratio = append(ratio, peak[i]/x[i][j])
			total += x[i][j]
		}
		single = min(single, total*Quantile(ratio, tau))
	}
	if got := share(func(i int) float64 { return sum.At(x[i]) }, peak); math.Abs(got-.01) > .001 {
		t.Errorf("%v of the peaks pass", got)
	}
	total := 0.0
	for i := range x {
		total += sum.At(x[i])
	}
	if total >= single {
		t.Errorf("it costs %v, the best single feature %v", total, single)
	}
	for _, w := range sum.Weight {
		if w < 0 {
			t.Errorf("weight %v", w)
		}
	}
}

// The same data give the same model, to the last bit.
func TestDeterministic(t *testing.T) {
	x, peak, cost := sample(5, 1500)
	fit := func() [2]any {
		return [2]any{
			FitTrees(x, peak, TreeOptions{Tau: .9, Rounds: 5, Depth: 3, MinLeaf: 20, Rate: .1}),
			FitSum(x, peak, cost, .9, DescentOptions{Steps: 20, Rate: .1}),
		}
	}
	if !reflect.DeepEqual(fit(), fit()) {
		t.Error("two fits differ")
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, .2: 1, .21: 2, .5: 3, .99: 5, 1: 5} {
		if got := Quantile(v, q); got != want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	if sort.Float64sAreSorted(v) {
		t.Error("the argument was changed")
	}
	if Quantile(nil, .5) != 0 {
		t.Error("quantile of nothing is not 0")
	}
}

func BenchmarkFitTrees(b *testing.B) {
	x, peak, _ := sample(6, 20000)
	for b.Loop() {
		FitTrees(x, peak, TreeOptions{Tau: .99, Rounds: 10, Depth: 4, MinLeaf: 200, Rate: .1})
	}
}
