// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

// world draws observations whose risk rises with the first feature and depends on the second in no order; the third is
// noise, and missing at times.
func world(r *rand.Rand, n int) *classify.Data {
	d := &classify.Data{}
	for range n {
		x := []float64{r.Float64(), r.Float64(), r.Float64()}
		z := 12 * (x[0] - .5 - .3*math.Sin(6*x[1]))
		y := 0.
		if r.Float64() < classify.Sigmoid(z) {
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
	m := Fit(worldSchema, []*classify.Data{world(r, 600), world(r, 600), world(r, 600)})
	test := world(r, 1000)
	x, scratch := make([]float64, 3), make([]float64, 3)
	risk := make([]float64, len(test.Y))
	for i := range risk {
		risk[i] = m.Risk(test.Row(i, x), scratch)
	}
	if ours, plain := metrics.AUC(risk, test.Y), metrics.AUC(test.X[0], test.Y); ours < plain+.03 {
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

// otherwise is a world in which the load means something else.
func otherwise(r *rand.Rand, n int) *classify.Data {
	d := world(r, n)
	for i := range d.X[0] {
		d.X[1][i] = math.Mod(d.X[1][i]+.5, 1)
	}
	return d
}

// risks of the observations.
func risks(d *classify.Data, logOdds func([]float64) float64) []float64 {
	x, all := make([]float64, len(d.X)), make([]float64, d.Len())
	for i := range all {
		all[i] = classify.Sigmoid(logOdds(d.Row(i, x)))
	}
	return all
}

// Outcomes of the conditions that are judged teach what others contradict.
func TestSeenCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	seen, test := otherwise(r, 300), otherwise(r, 1000)
	groups := []*classify.Data{world(r, 600), world(r, 600)}
	brier := func(seen *classify.Data) float64 {
		return metrics.Brier(risks(test, Adapt(worldSchema, groups, seen).LogOdds), test.Y)
	}
	if with, without := brier(seen), brier(nil); with > without-.05 {
		t.Errorf("Brier score %.3f having seen some, %.3f before", with, without)
	}
}

// Where groups contradict each other the members are not trusted, and the model ranks as the plain feature does.
func TestNoTrustWithoutEvidence(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	test := otherwise(r, 1000)
	for name, groups := range map[string][]*classify.Data{
		"groups that contradict each other": {world(r, 600), otherwise(r, 600)}, "a single group": {world(r, 600)},
	} {
		m := Fit(worldSchema, groups)
		scratch := make([]float64, 3)
		ours := metrics.AUC(risks(test, func(x []float64) float64 { return m.LogOdds(x, scratch) }), test.Y)
		if plain := metrics.AUC(test.X[0], test.Y); math.Abs(ours-plain) > 1e-9 {
			t.Errorf("%s: AUC %v, by use alone %v", name, ours, plain)
		}
	}
}

// Probabilities come near the truth as outcomes are seen of conditions whose base rate is another one.
func TestBaseRateIsLearned(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	rare := func(n int) *classify.Data {
		d := world(r, n)
		for i := range d.Y {
			if r.IntN(5) != 0 {
				d.Y[i] = 0
			}
		}
		return d
	}
	test, groups := rare(3000), []*classify.Data{world(r, 600), world(r, 600)}
	error := func(seen int) float64 {
		return metrics.ECE(risks(test, Adapt(worldSchema, groups, rare(seen)).LogOdds), test.Y)
	}
	at0, at20, at100, at1000 := error(0), error(20), error(100), error(1000)
	if !(at20 < at0 && at100 < .08 && at1000 < .04) {
		t.Errorf("calibration error %.3f, after 20 outcomes %.3f, after 100 %.3f, after 1000 %.3f", at0, at20, at100, at1000)
	}
}

// One class only, one observation, nothing measured: an answer, and a finite one.
func TestFitOnLittle(t *testing.T) {
	nan := math.NaN()
	few := func(y ...float64) *classify.Data {
		d := &classify.Data{}
		for i, v := range y {
			d.Add([]float64{float64(i), nan, nan}, v, 1)
		}
		return d
	}
	for name, groups := range map[string][]*classify.Data{
		"one observation": {few(1)}, "violations only": {few(1, 1, 1), few(1, 1)}, "none": {few(0, 0), few(0)},
		"three groups": {few(0, 1), few(1), few(0)},
	} {
		for _, seen := range []*classify.Data{nil, few(0, 1)} {
			m := Adapt(worldSchema, groups, seen)
			if p := classify.Sigmoid(m.LogOdds([]float64{nan, nan, nan})); !(p >= 0 && p <= 1) {
				t.Errorf("%s: risk %v", name, p)
			}
		}
	}
}
