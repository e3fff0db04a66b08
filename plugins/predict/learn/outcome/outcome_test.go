// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// A node that violates what the model promised is avoided, by whom it hurts most, and forgiven: at once where it does well
// again, and in time where nobody tries it.
func TestHistory(t *testing.T) {
	now := time.Unix(0, 0)
	h := NewHistory(time.Hour)
	for range 12 {
		h.Learn(&Lesson{Node: "bad", Workload: "w", Model: -3, Violated: true}, now)
		h.Learn(&Lesson{Node: "good", Workload: "w", Model: -3, Violated: false}, now)
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
		h.Learn(&Lesson{Node: "bad", Workload: "w", Model: -3, Violated: false}, now.Add(2*time.Hour))
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

// One pass over the columns of 5,000 nodes: log-odds from the table, a correction by history and a probability.
func BenchmarkPass5000(b *testing.B) {
	const nodes = 5000
	var slab quality.Slab
	quality.NewTable(nil).For(.05, &slab)
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
			risk[i] = quality.Probability(slab.LogOdds(cpu[i], pressure[i]) + vectors[i].Dot(&u))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/nodes, "ns/node")
}

// Past the bound the workloads go whose last outcome is oldest, and never many at once.
func TestWorkloadsAreBounded(t *testing.T) {
	h := NewHistory(time.Hour)
	now := time.Unix(0, 0)
	for i := range 3 * maxWorkloads {
		now = now.Add(time.Second)
		h.Learn(&Lesson{Node: "a", Workload: fmt.Sprint("w", i), Violated: i%2 == 0}, now)
		h.Learn(&Lesson{Node: "a", Workload: "always", Violated: true}, now)
		if n := len(h.workloads); n > maxWorkloads || i >= maxWorkloads && n < maxWorkloads*9/10 {
			t.Fatalf("%d workloads are remembered after %d", n, i)
		}
	}
	if h.workloads["always"] == nil || h.workloads[fmt.Sprint("w", 3*maxWorkloads-1)] == nil || h.workloads["w0"] != nil {
		t.Error("not those of old went")
	}
}
