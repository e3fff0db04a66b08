// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/interference"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// The processes of the lab are this program again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "hog" || os.Args[1] == "serve") {
		if err := command(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A seed always draws the same, and only hogs that can be judged.
func TestDraw(t *testing.T) {
	crowded := 0
	for seed := range uint64(500) {
		cores := 0.
		hogs := draw(rand.New(rand.NewPCG(seed, 3)), judgedKinds)
		if again := draw(rand.New(rand.NewPCG(seed, 3)), judgedKinds); !reflect.DeepEqual(hogs, again) {
			t.Fatalf("seed %d draws %v and then %v", seed, hogs, again)
		}
		for _, h := range hogs {
			cores += h.cores()
			if h.Kind != "burst" && h.Kind != "spin" || h.Intensity <= 0 || h.Intensity > 1 || !(h.Requested > 0) {
				t.Errorf("seed %d draws %+v, which wants %.2f CPUs", seed, h, h.cores())
			}
		}
		if len(hogs) > 3 || cores < .149 || cores > 1.001 {
			t.Errorf("seed %d draws %d hogs that want %.2f CPUs", seed, len(hogs), cores)
		}
		if cores > .601 {
			crowded++
		}
	}
	if crowded < 25 || crowded > 80 {
		t.Errorf("%d of 500 nodes are crowded", crowded)
	}
}

// Each way to choose goes by what it should, and the table compares with the default's choice.
func TestChoosers(t *testing.T) {
	all := []candidate{
		{hogs: []hog{{Requested: .1}}, before: use{Peak: .9}, harm: .5, p99: 40},
		{hogs: []hog{{Requested: .8}}, before: use{Peak: .2}, harm: .1, p99: 10},
	}
	for name, want := range map[string]int{"default (requests)": 0, "least CPU": 1, "foresight (model)": 1, "best, in hindsight": 1, "worst, in hindsight": 0} {
		if got := named(name).pick(all); got != want {
			t.Errorf("%s picks %d, want %d", name, got, want)
		}
	}
	all[0].harm = all[1].harm + quality.NearTie/2
	if got := choosers[2].pick(all); got != 0 {
		t.Error("among equal risks the requests do not decide")
	}
	all[0].harm = .5
	var out bytes.Buffer
	if err := printChoices(&out, [][]candidate{all}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		words := strings.Join(strings.Fields(line), " ")
		if strings.HasPrefix(line, "foresight (model) ") && !strings.Contains(words, "0.0 ms 10.0 ms 10.0–10.0 10.0–10.0 10.0 ms 0.00 % 1 of 1") ||
			strings.HasPrefix(line, "foresight (model), default") && !strings.Contains(words, "1 0 0 -30.0 ms (-30.0–-30.0) 0.25 (0.25–0.25) p = 1.0000 p = 1.0000") {
			t.Errorf("the table says %q", line)
		}
	}
}

// Real processes on real CPUs: what is measured is a data set that the model reads, and a comparison.
func TestLab(t *testing.T) {
	nodes, release, err := newNodes(2)
	if err != nil {
		t.Skip(err) // Control groups take root.
	}
	t.Cleanup(release)
	l := lab{
		nodes: nodes, out: t.TempDir(), begin: time.Now(), rounds: roundsOf(200 * time.Microsecond), rate: 20, candidates: 3, kinds: judgedKinds, objective: 20,
		observe: 200 * time.Millisecond, run: 500 * time.Millisecond, window: 250 * time.Millisecond, chosenRun: 500 * time.Millisecond,
	}
	data := filepath.Join(l.out, "learned")
	err = l.dataSet(t.Context(), data, []cell{{hog{Kind: "io"}, 20}, {hog{Kind: "io", Intensity: 1}, 20}, {hog{Kind: "herd", Intensity: 1}, 20}})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := interference.ReadAll([]string{data}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, k := range sets[0].Kinds {
		if k.Dropped > 0 {
			t.Errorf("%d rows of %s cannot be read", k.Dropped, k.Name)
		}
		for _, r := range k.Rows {
			rows++
			if r.RequestRate != 20 || r.Latency <= 0 || !(r.OwnWebCPU > 0) || !(r.HostCPU >= 0 && r.HostCPU <= 100) || math.IsNaN(r.CPUPressure) {
				t.Errorf("%s: %+v", k.Name, r)
			}
		}
		if k.Name == "herd" && k.Rows[0].CPUPressure == 0 {
			t.Error("four processes on one CPU, and none of them waited")
		}
	}
	if rows != 6 {
		t.Errorf("%d rows, want 2 of each of 3 runs", rows)
	}
	model, err := filepath.Abs("../../../manifests/models/lab.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.comparison(t.Context(), 1, quality.NewTable(nil), model); err != nil {
		t.Fatal(err)
	}
	choices, err := os.ReadFile(filepath.Join(l.out, "choices.csv"))
	if err != nil || strings.Count(string(choices), "\n") != 1+3 || !strings.Contains(string(choices), "foresight (model)") || !strings.Contains(string(choices), "profile: foresight") {
		t.Errorf("%v\n%s", err, choices)
	}
}

// Whole profiles choose by what they know: stock by requests, LoadVariationRiskBalancing and ours by what was measured.
func TestProfiles(t *testing.T) {
	model, err := filepath.Abs("../../../manifests/models/lab.json")
	if err != nil {
		t.Fatal(err)
	}
	on := func(requested, cpu, waited float64) candidate {
		windows := []float64{cpu - .05, cpu, cpu + .05}
		return candidate{
			hogs:   []hog{{Kind: "herd", Intensity: cpu, Requested: requested}},
			before: use{CPU: cpu, Peak: cpu + .05, Pressure: map[string]float64{"cpu": waited}, windows: windows},
		}
	}
	all := []candidate{on(.4, .5, .5), on(.1, .8, .8), on(.6, .2, .1), on(.5, .5, .5)}
	if err := (lab{}).decide(t.Context(), all, .16, model); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"profile: stock": 1, "profile: trimaran-lvrb": 2, "profile: foresight": 2} {
		if got := named(name).pick(all); got != want {
			t.Errorf("%s picks %d, want %d: %+v", name, got, want, all)
		}
	}
}
