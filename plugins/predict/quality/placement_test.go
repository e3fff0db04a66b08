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
	"time"
)

// placements draws observations: use beyond 70 % hurts, and pressure does.
func placements(r *rand.Rand, n int) *Data {
	d := &Data{}
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
		if r.Float64() < sigmoid(z) {
			y = 1
		}
		d.Add(x, y, 1)
	}
	return d
}

func placementModel() *Model {
	r := rand.New(rand.NewPCG(7, 8))
	return Fit(Placement, []*Data{placements(r, 800), placements(r, 800)}, nil)
}

// The table says on its points what the model says, at least a little more than on the point before, in between what lies between,
// and keeps the model's directions.
func TestTable(t *testing.T) {
	m := placementModel()
	table := NewTable(m)
	var slab Slab
	scratch := make([]float64, placementFeatures)
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
		if got, want := float64(Probability(float32(z))), sigmoid(z); math.Abs(got-want) > 2e-5 {
			t.Fatalf("at %v: %v, want %v", z, got, want)
		}
	}
	if p := Probability(float32(math.NaN())); p < 0 || p > 1 {
		t.Errorf("of NaN: %v", p)
	}
}

// A node that violates what the model promised is avoided, by whom it hurts most, and forgiven: at once where it does well
// again, and in time where nobody tries it.
func TestHistory(t *testing.T) {
	now := time.Unix(0, 0)
	h := NewHistory(time.Hour)
	for range 12 {
		h.Learn("bad", "w", -3, true, now)
		h.Learn("good", "w", -3, false, now)
	}
	v := h.View(now)
	u := v.Workload("w")
	correction := func(v *HistoryView, node string) float32 { n := v.Nodes[node]; return n.Vector.Dot(&u) }
	if bad, good := correction(v, "bad"), correction(v, "good"); bad < 2 || good > .1 {
		t.Errorf("corrections: bad %v, good %v", bad, good)
	}
	if n := v.Nodes["bad"]; n.Doubt() >= 1 || n.Doubt() <= 0 {
		t.Errorf("doubt %v after 12 outcomes", n.Doubt())
	}
	later := h.View(now.Add(2 * time.Hour))
	if was, is := correction(v, "bad"), correction(later, "bad"); is > was/3 {
		t.Errorf("after two half-lives %v is left of %v", is, was)
	}
	for range 30 {
		h.Learn("bad", "w", -3, false, now.Add(2*time.Hour))
	}
	u = h.View(now.Add(2 * time.Hour)).Workload("w")
	if is := correction(h.View(now.Add(2*time.Hour)), "bad"); is > .5 {
		t.Errorf("after 30 good outcomes the correction is %v", is)
	}
	if left := h.View(now.Add(1000 * time.Hour)); len(left.Nodes) != 0 {
		t.Errorf("%d nodes are remembered for ever", len(left.Nodes))
	}
}

func TestVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	add := func(l *Ledger, n int, risk func(truth float64) float64) {
		for range n {
			truth := r.Float64()
			l.Add(Outcome{Risk: risk(truth), Plain: r.Float64(), Violated: r.Float64() < truth})
		}
	}
	right := func(truth float64) float64 { return truth }
	l := NewLedger(500)
	add(l, 30, func(truth float64) float64 { return 1 - truth })
	if l.Verdict().Demote() {
		t.Error("demoted for 30 outcomes")
	}
	l = NewLedger(500)
	add(l, 2000, right)
	if v := l.Verdict(); v.Demote() || v.Outcomes != 500 || v.AUC < .75 || v.ECE > .1 {
		t.Errorf("a model that is right: %+v", v)
	}
	add(l, 300, func(truth float64) float64 { return 1 - truth })
	if v := l.Verdict(); !v.Drifted || !v.Demote() {
		t.Errorf("a model that the world has left: %+v", v)
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
	x, scratch := []float64{.1, .8, math.NaN()}, make([]float64, placementFeatures)
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
	groups := []*Data{placements(r, 500000), placements(r, 500000)}
	b.ResetTimer()
	for b.Loop() {
		fitMembers(Placement, groups, nil)
	}
}

// One pass over the columns of 5,000 nodes: log-odds from the table, a correction by history and a probability.
func BenchmarkPass5000(b *testing.B) {
	const nodes = 5000
	var slab Slab
	NewTable(nil).For(.05, &slab)
	r := rand.New(rand.NewPCG(1, 2))
	cpu, pressure, risk := make([]float32, nodes), make([]float32, nodes), make([]float32, nodes)
	vectors := make([]Vector, nodes)
	for i := range cpu {
		cpu[i], pressure[i] = r.Float32(), r.Float32()
		vectors[i] = Vector{r.Float32(), r.Float32(), r.Float32(), r.Float32()}
	}
	u := Stranger("w")
	b.ReportAllocs()
	for b.Loop() {
		for i := range risk {
			risk[i] = Probability(slab.LogOdds(cpu[i], pressure[i]) + vectors[i].Dot(&u))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/nodes, "ns/node")
}
