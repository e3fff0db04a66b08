// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
)

// placements draws observations: use beyond 70 % hurts, and pressure does.
func placements(r *rand.Rand, n int) *classify.Data {
	d := &classify.Data{}
	for range n {
		x := []float64{r.Float64() * .3, r.Float64(), math.NaN()}
		if r.IntN(2) == 0 {
			x[Pressure] = r.Float64()
		}
		z := 10*(x[NodeCPU]-.7) + 2*x[OwnCPU]
		if !math.IsNaN(x[Pressure]) {
			z += 5 * (x[Pressure] - .3)
		}
		y := 0.
		if r.Float64() < classify.Sigmoid(z) {
			y = 1
		}
		d.Add(x, y, 1)
	}
	return d
}

func placementModel() *Model {
	r := rand.New(rand.NewPCG(7, 8))
	return Fit(Placement, []*classify.Data{placements(r, 800), placements(r, 800)})
}

// The table says on its points what the model says, at least a little more than on the point before, in between what lies between,
// and keeps the model's directions.
func TestTable(t *testing.T) {
	m := placementModel()
	table := NewTable(m)
	var slab Slab
	scratch := make([]float64, NumPlacementFeatures)
	for _, own := range []float64{0, .1, .4, 1} {
		table.For(own, &slab)
		for _, pressure := range []float64{math.NaN(), 0, .25, 1} {
			before := math.Inf(-1)
			for c := range lastColumn {
				cpu := float64(c) * maxCPU / cpuSteps
				want := min(max(m.LogOdds([]float64{own, cpu, pressure}, scratch), -surest), surest)
				want = max(want, before+leastRise*maxCPU/cpuSteps)
				before = want
				want = min(want, surest)
				if got := float64(slab.LogOdds(float32(cpu), float32(pressure))); math.Abs(got-want) > .05*(1+math.Abs(want)) {
					t.Fatalf("own %v, cpu %v, pressure %v: %v, want %v", own, cpu, pressure, got, want)
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		table.For(r.Float64(), &slab)
		cpu, pressure := r.Float32()*1.5, r.Float32()*1.2
		z := slab.LogOdds(cpu, pressure)
		if more := slab.LogOdds(cpu+.1, pressure); more < z-1e-4 {
			t.Fatalf("cpu %v: %v falls to %v", cpu, z, more)
		}
		if more := slab.LogOdds(cpu, pressure+.1); more < z-1e-4 {
			t.Fatalf("pressure %v: %v falls to %v", pressure, z, more)
		}
	}
	nan := float32(math.NaN())
	for _, odd := range []float32{nan, -1, 99, float32(math.Inf(1))} {
		if z := slab.LogOdds(odd, odd); z != z || math.IsInf(float64(z), 0) {
			t.Errorf("at %v: %v", odd, z)
		}
	}
}

// The more a node is used the worse it ranks, also where trees have seen nothing and where they are as sure as they may be; and
// the more it costs those who are there.
func TestMoreUseIsWorse(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, m := range []*Model{nil, placementModel()} {
		table := NewTable(m)
		for range 2000 {
			var slab, loses Slab
			table.For(r.Float64(), &slab)
			offset, pressure, at := float32(4*r.NormFloat64()), r.Float32(), 3*r.Float32()
			if r.IntN(4) == 0 {
				pressure = float32(math.NaN())
			}
			slab.Harms(offset, &loses)
			here, there := At(at, pressure), At(at+.002+.3*r.Float32(), pressure)
			if less, more := slab.In(here), slab.In(there); less >= more {
				t.Fatalf("at %v and more: %v, %v", at, less, more)
			}
			if less, more := Harm(slab.In(here)), Harm(slab.In(there)); less > more || less == more && more > 1e-4 {
				t.Fatalf("harm at %v and more: %v, %v", at, less, more)
			}
			for c := 1; c < lastColumn; c++ {
				p := here.OnColumn(int32(c))
				before, now, after := loses.In(here.OnColumn(int32(c-1))), loses.In(p), loses.In(here.OnColumn(int32(c+1)))
				if rounding := 1e-5 * (1 + after); now-before > after-now+rounding || before > now || now > Harm(slab.In(p)+offset)+.3 {
					t.Fatalf("column %d: those who are there lose %v, %v, %v", c, before, now, after)
				}
			}
		}
	}
}

// Harm is −ln(1 − risk) and never falls.
func TestHarm(t *testing.T) {
	last := float32(0)
	for z := -30.; z <= 30; z += .0013 {
		got, want := Harm(float32(z)), math.Log1p(math.Exp(z))
		if math.Abs(float64(got)-want) > 2e-5 || got < last {
			t.Fatalf("at %v: %v after %v, want %v", z, got, last, want)
		}
		last = got
	}
}

func TestProbability(t *testing.T) {
	for z := -30.; z <= 30; z += .013 {
		if got, want := float64(Probability(float32(z))), classify.Sigmoid(z); math.Abs(got-want) > 2e-5 {
			t.Fatalf("at %v: %v, want %v", z, got, want)
		}
	}
	if p := Probability(float32(math.NaN())); p < 0 || p > 1 {
		t.Errorf("of NaN: %v", p)
	}
}

// What is saved is what is loaded; what is not a model for the schema is refused, and the error says why.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.json")
	m := placementModel()
	if err := Save(path, m, Card{Origin: "test", Observations: 1600}); err != nil {
		t.Fatal(err)
	}
	loaded, card, err := Load(path, &Placement)
	if err != nil || card.Origin != "test" {
		t.Fatalf("%+v, %v", card, err)
	}
	x, scratch := []float64{.1, .8, math.NaN()}, make([]float64, NumPlacementFeatures)
	if got, want := loaded.LogOdds(x, scratch), m.LogOdds(x, scratch); got != want {
		t.Errorf("the loaded model says %v, want %v", got, want)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := Schema{Features: []Feature{{Name: "else"}}, Views: [][]int{{0}}}
	tests := []struct {
		name, want string
		data       []byte
		schema     *Schema
	}{
		{"empty", "no model file", nil, &Placement},
		{"cut off", "no model file", whole[:len(whole)/2], &Placement},
		{"a value changed", "checksum", bytes.Replace(whole, []byte(`"slope":`), []byte(`"slope":1`), 1), &Placement},
		{"another version", "version 9", bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":9`), 1), &Placement},
		{"another kind", "kind", []byte(`{"kind":"x"}`), &Placement},
		{"another schema", "feature schema", whole, &other},
	}
	for _, tc := range tests {
		if err := os.WriteFile(path, tc.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load(path, tc.schema); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one about %q", tc.name, err, tc.want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path, &Placement); err == nil {
		t.Error("loaded what is not there")
	}
}

// A million observations; the target is a minute of one core.
func BenchmarkFitMillion(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	groups := []*classify.Data{placements(r, 500000), placements(r, 500000)}
	b.ResetTimer()
	for b.Loop() {
		fitMembers(Placement, groups, nil)
	}
}
