// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/quality/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/learn"
)

// world draws observations whose risk rises with the first feature and depends on the second in no order; the third is
// noise, and missing at times.
func world(r *rand.Rand, n int) *learn.Data {
	d := &learn.Data{}
	for range n {
		x := []float64{r.Float64(), r.Float64(), r.Float64()}
		z := 12 * (x[0] - .5 - .3*math.Sin(6*x[1]))
		y := 0.
		if r.Float64() < learn.Sigmoid(z) {
			y = 1
		}
		if r.IntN(4) == 0 {
			x[2] = math.NaN()
		}
		d.Add(x, y, 1)
	}
	return d
}

var worldSchema = Schema{
	Features: []Feature{{"use", 1}, {"load", 0}, {"noise", 0}},
	Views:    [][]int{{0, 1, 2}, {0, 1}},
}

// The model ranks what it never saw better than the plain feature does, keeps the known direction everywhere, and gives
// probabilities.
func TestFit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	m := Fit(worldSchema, []*learn.Data{world(r, 600), world(r, 600), world(r, 600)}, nil)
	test := world(r, 1000)
	x, scratch := make([]float64, 3), make([]float64, 3)
	risk := make([]float64, len(test.Y))
	for i := range risk {
		risk[i] = m.Risk(test.Row(i, x), scratch)
	}
	if ours, plain := judge.AUC(risk, test.Y), judge.AUC(test.X[0], test.Y); ours < plain+.03 {
		t.Errorf("AUC %.3f, by use alone %.3f", ours, plain)
	}
	for range 50 {
		x := []float64{0, r.Float64(), r.Float64()}
		last := 0.
		for u := 0.; u <= 1; u += .02 {
			x[0] = u
			now := m.Risk(x, scratch)
			if now < last || now > 1 || math.IsNaN(now) {
				t.Fatalf("at %v the risk is %v after %v", x, now, last)
			}
			last = now
		}
	}
}

// Observations of the conditions that are judged teach what others contradict.
func TestSeenCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	moved := func(n int) *learn.Data {
		d := world(r, n)
		for i := range d.X[0] {
			d.X[1][i] = math.Mod(d.X[1][i]+.5, 1) // another meaning of load
		}
		return d
	}
	seen, test := moved(300), moved(1000)
	judge := func(m *Model) float64 {
		x, scratch, risk := make([]float64, 3), make([]float64, 3), make([]float64, len(test.Y))
		for i := range risk {
			risk[i] = m.Risk(test.Row(i, x), scratch)
		}
		return judge.Brier(risk, test.Y)
	}
	groups := []*learn.Data{world(r, 600), world(r, 600)}
	if with, without := judge(Fit(worldSchema, groups, seen)), judge(Fit(worldSchema, groups, nil)); with > without-.05 {
		t.Errorf("Brier score %.3f having seen some, %.3f before", with, without)
	}
}

// One class only, one observation, nothing measured: an answer, and a finite one.
func TestFitOnLittle(t *testing.T) {
	nan := math.NaN()
	few := func(y ...float64) *learn.Data {
		d := &learn.Data{}
		for i, v := range y {
			d.Add([]float64{float64(i), nan, nan}, v, 1)
		}
		return d
	}
	for name, groups := range map[string][]*learn.Data{
		"one observation": {few(1)}, "violations only": {few(1, 1, 1), few(1, 1)}, "none": {few(0, 0), few(0)},
		"three groups": {few(0, 1), few(1), few(0)},
	} {
		for _, seen := range []*learn.Data{nil, few(0, 1)} {
			m := Fit(worldSchema, groups, seen)
			if p := m.Risk([]float64{nan, nan, nan}, make([]float64, 3)); !(p >= 0 && p <= 1) {
				t.Errorf("%s: risk %v", name, p)
			}
		}
	}
}
