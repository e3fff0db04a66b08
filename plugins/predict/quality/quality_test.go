// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"math"
	"math/rand/v2"
	"testing"
)

// AUC against its definition, with ties.
func TestAUC(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n := 2 + r.IntN(60)
		risk, label := make([]float64, n), make([]float64, n)
		for i := range risk {
			risk[i], label[i] = float64(r.IntN(8)), float64(r.IntN(2))
		}
		won, pairs := 0., 0.
		for i := range risk {
			for j := range risk {
				if label[i] == 1 && label[j] == 0 {
					pairs++
					switch {
					case risk[i] > risk[j]:
						won++
					case risk[i] == risk[j]:
						won += .5
					}
				}
			}
		}
		if got, want := AUC(risk, label), won/pairs; math.Abs(got-want) > 1e-9 && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%v %v: got %v, want %v", risk, label, got, want)
		}
	}
}

func TestCalibrationError(t *testing.T) {
	// Two of four at 0.9 and none of two at 0.1: |0.9-0.5|·4/6 + 0.1·2/6.
	risk, label := []float64{.9, .9, .9, .9, .1, .1}, []float64{1, 1, 0, 0, 0, 0}
	if got, want := ECE(risk, label), (.4*4+.1*2)/6; math.Abs(got-want) > 1e-9 {
		t.Errorf("ECE %v, want %v", got, want)
	}
	if got := ECE([]float64{1}, []float64{1}); got != 0 {
		t.Errorf("certain and right: ECE %v", got)
	}
	if !math.IsNaN(ECE(nil, nil)) || !math.IsNaN(Brier(nil, nil)) {
		t.Error("of nothing there is an error")
	}
}

func TestAdmitted(t *testing.T) {
	tests := []struct {
		name        string
		risk, label []float64
		want        float64
	}{
		{"the violation is last", []float64{1, 2, 3, 4}, []float64{0, 0, 0, 1}, .75},
		{"a violation in front, few enough later", []float64{1, 2, 3, 4, 5}, []float64{1, 0, 0, 0, 0}, 1},
		{"equal risks go together", []float64{1, 1, 2, 2}, []float64{0, 0, 0, 1}, .5},
		{"none", []float64{1, 1}, []float64{0, 1}, 0},
	}
	for _, tc := range tests {
		if got := Admitted(tc.risk, tc.label, .2); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// world draws observations whose risk rises with the first feature and depends on the second in no order; the third is
// noise, and missing at times.
func world(r *rand.Rand, n int) *Data {
	d := &Data{}
	for range n {
		x := []float64{r.Float64(), r.Float64(), r.Float64()}
		z := 12 * (x[0] - .5 - .3*math.Sin(6*x[1]))
		y := 0.
		if r.Float64() < sigmoid(z) {
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
	m := Fit(worldSchema, []*Data{world(r, 600), world(r, 600), world(r, 600)}, nil)
	test := world(r, 1000)
	x, scratch := make([]float64, 3), make([]float64, 3)
	risk := make([]float64, len(test.Y))
	for i := range risk {
		risk[i] = m.Risk(test.Row(i, x), scratch)
	}
	if ours, plain := AUC(risk, test.Y), AUC(test.X[0], test.Y); ours < plain+.03 {
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
	moved := func(n int) *Data {
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
		return Brier(risk, test.Y)
	}
	groups := []*Data{world(r, 600), world(r, 600)}
	if with, without := judge(Fit(worldSchema, groups, seen)), judge(Fit(worldSchema, groups, nil)); with > without-.05 {
		t.Errorf("Brier score %.3f having seen some, %.3f before", with, without)
	}
}

// One class only, one observation, nothing measured: an answer, and a finite one.
func TestFitOnLittle(t *testing.T) {
	nan := math.NaN()
	few := func(y ...float64) *Data {
		d := &Data{}
		for i, v := range y {
			d.Add([]float64{float64(i), nan, nan}, v, 1)
		}
		return d
	}
	for name, groups := range map[string][]*Data{
		"one observation": {few(1)}, "violations only": {few(1, 1, 1), few(1, 1)}, "none": {few(0, 0), few(0)},
		"three groups": {few(0, 1), few(1), few(0)},
	} {
		for _, seen := range []*Data{nil, few(0, 1)} {
			m := Fit(worldSchema, groups, seen)
			if p := m.Risk([]float64{nan, nan, nan}, make([]float64, 3)); !(p >= 0 && p <= 1) {
				t.Errorf("%s: risk %v", name, p)
			}
		}
	}
}

// Separable labels have no finite optimum; the penalty gives one.
func TestLogistic(t *testing.T) {
	d := &Data{}
	for i := range 100 {
		y := 0.
		if i >= 50 {
			y = 1
		}
		d.Add([]float64{float64(i), math.NaN()}, y, 1)
	}
	l := FitLogistic(d, 1e-3)
	if p := sigmoid(l.LogOdds([]float64{20, 0})); p > .1 {
		t.Errorf("at 20: %v", p)
	}
	if p := sigmoid(l.LogOdds([]float64{80, 0})); p < .9 {
		t.Errorf("at 80: %v", p)
	}
	if p := sigmoid(l.LogOdds([]float64{math.NaN(), 0})); math.Abs(p-.5) > .1 {
		t.Errorf("unknown: %v", p)
	}
}
