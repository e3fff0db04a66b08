// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const header = "time,request_rate,own_web_cpu_pct,own_db_cpu_pct,host_cpu_pct,host_mem_pct,interferer_intensity,latency_ms,class\n"

// measurements writes a file as a machine would give it: the neighbour takes CPU by its intensity, and the latency rises as
// the machine fills up. weight says how much a neighbour hurts for the CPU it takes.
func measurements(seed uint64, weight float64, rows int) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	b.WriteString(header)
	for i := range rows {
		load, intensity := 100*float64(1+i/4%3), float64(i/12%4)
		own := load / 10
		others := 15 * intensity
		busy := min(own+weight*others, 97)
		latency := 100 / (100 - busy) * (1 + .1*r.Float64())
		fmt.Fprintf(&b, "%d,%.1f,%.2f,%.2f,%.2f,%d,%g,%.2f,0\n", 13*i, load, own*.6+r.Float64(), own*.4+r.Float64(), min(own+others, 100)+25*r.Float64(), 30+i/100, intensity, latency)
	}
	return b.String()
}

func kind(t *testing.T, name, content string) Kind {
	t.Helper()
	k, err := ReadKind(name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func run(t *testing.T, kinds ...Kind) []Result {
	t.Helper()
	results, err := Run(t.Context(), []DataSet{{Name: "lab", Service: "web", Kinds: kinds}}, func(float64, string) {})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func of(results []Result, heldOut, method string, seen float64) Result {
	for _, r := range results {
		if r.HeldOut == heldOut && r.Method == method && r.SeenFraction == seen {
			return r
		}
	}
	return Result{}
}

// On neighbours that hurt more, and less, than their CPU says, ours ranks no worse than the machine's CPU, and having seen
// a tenth it is nearly right. Calibration errors are of outcomes that were not learned from, and there are none where rows are too few.
func TestProtocol(t *testing.T) {
	results := run(t, kind(t, "gentle", measurements(1, 1.3, 720)), kind(t, "usual", measurements(2, 1.5, 720)), kind(t, "harsh", measurements(3, 1.8, 720)))
	for _, name := range []string{"gentle", "usual", "harsh"} {
		for _, seen := range SeenFractions {
			ours, plain := of(results, name, "foresight", seen), of(results, name, "host-cpu", seen)
			if ours.Rows == 0 || ours.Violations == 0 || !(ours.AUCMinusHostHigh >= 0) || seen > 0 && !(ours.AUC >= plain.AUC) {
				t.Errorf("%s, %g seen: %+v against %+v", name, seen, ours, plain)
			}
			if seen > 0 && (ours.AUC < .95) {
				t.Errorf("%s after a tenth: %+v", name, ours)
			}
		}
	}
	for _, name := range []string{"gentle", "usual", "harsh"} {
		ours, host := of(results, name, "foresight", 0), of(results, name, "host-cpu", 0)
		if !(ours.ECEAfter20 >= 0 && ours.ECEAfter100 < .1 && ours.ECEAfter100 <= host.ECEAfter100) || !math.IsNaN(float64(ours.ECEAfter1000)) {
			t.Errorf("%s: %+v\n%+v", name, ours, host)
		}
		if !(ours.ECEFrom100 >= 0 && ours.ECEFrom100 < .1) {
			t.Errorf("%s, learning as it goes: %+v", name, ours)
		}
		if late := of(results, name, "foresight", .1); !math.IsNaN(float64(late.ECEAfter100)) {
			t.Errorf("%s: %+v", name, late)
		}
	}
	if want := 4 * len(SeenFractions) * len(methods); len(results) != want {
		t.Errorf("%d results, want %d", len(results), want)
	}
}

// What a scheduler cannot know changes nothing: the neighbour's intensity and class, and the latencies of the rows that
// are judged. The order of the file's lines does not matter either.
func TestNothingLeaks(t *testing.T) {
	k := kind(t, "k", measurements(1, 1.2, 600))
	before := features(k.Rows)
	blind := Kind{Name: "k", Columns: k.Columns, Rows: slices.Clone(k.Rows)}
	for i := range blind.Rows {
		blind.Rows[i].Intensity, blind.Rows[i].Latency, blind.Rows[i].HostMem = 0, 1, 0
	}
	if fmt.Sprint(before) != fmt.Sprint(features(blind.Rows)) {
		t.Error("features depend on what cannot be seen")
	}
	for _, until := range []int{1, 77, 300} {
		early := features(k.Rows[:until])
		for j := range early {
			if !slices.Equal(early[j], before[j][:until]) {
				t.Errorf("%s of the first %d rows depends on later ones", schema.Features[j].Name, until)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(measurements(1, 1.2, 600)), "\n")
	slices.Reverse(lines[1:])
	if shuffled := kind(t, "k", strings.Join(lines, "\n")); fmt.Sprint(shuffled.Rows) != fmt.Sprint(k.Rows) {
		t.Error("rows are not in time order")
	}
}

func TestLabels(t *testing.T) {
	row := func(rate, intensity, latency float64) Row {
		return Row{RequestRate: rate, Intensity: intensity, Latency: latency}
	}
	rows := []Row{
		row(100, 0, 2), row(102, 0, 4), row(98, 0, 3), // alone: the median is 3
		row(100, 1, 9), row(100, 1, 9.1), row(104, 2, 10), row(106, 2, 100), row(200, 0, 5), row(195, 1, 16),
	}
	got := labels(rows)
	want := []float64{0, 0, 0, 0, 1, 1, 1, 0, 1}
	// 106 is 5.7 % above 100 and 8.2 % above 98, so only the row at 102 is equal load.
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("row %d %+v: got %v, want %v", i, rows[i], got[i], want[i])
		}
	}
	if got := labels([]Row{row(100, 0, 1), row(300, 1, 9)}); !math.IsNaN(got[1]) {
		t.Errorf("a load without a measurement alone has the label %v", got[1])
	}
}

// Files that say little are judged as far as they go, and what cannot be said is said so.
func TestPoorData(t *testing.T) {
	good := kind(t, "good", measurements(1, 1.2, 600))
	column := func(content string, drop ...string) string {
		var out []string
		names := strings.Split(strings.TrimSpace(header), ",")
		for _, line := range strings.Split(strings.TrimSpace(content), "\n") {
			var kept []string
			for j, f := range strings.Split(line, ",") {
				if !slices.Contains(drop, names[j]) {
					kept = append(kept, f)
				}
			}
			out = append(out, strings.Join(kept, ","))
		}
		return strings.Join(out, "\n")
	}
	tests := []struct {
		name, content, note string
		method              string
	}{
		{"no neighbour that hurts", measurements(2, 0, 300), "no violations", "foresight"},
		{"never alone", header + "0,100,1,1,20,1,5,3,0\n13,100,1,1,20,1,5,3,0\n", "no row has a label", "foresight"},
		{"no host CPU", column(measurements(2, 1.2, 300), "host_cpu_pct"), "no column host_cpu_pct", "host-cpu"},
		{"no own CPU, no class", column(measurements(2, 1.2, 300), "own_web_cpu_pct", "own_db_cpu_pct", "class"), "", "foresight"},
		{"a single row", header + "0,100,1,1,20,1,0,3,0\n", "no violations", "foresight"},
	}
	for _, tc := range tests {
		results := run(t, good, kind(t, "poor", tc.content))
		r := of(results, "poor", tc.method, 0)
		if !strings.Contains(r.Note, tc.note) || (tc.note == "") != (r.Note == "") {
			t.Errorf("%s: the note is %q, want %q", tc.name, r.Note, tc.note)
		}
		if tc.note == "" && math.IsNaN(float64(r.AUC)) {
			t.Errorf("%s: %+v", tc.name, r)
		}
	}
	if alone := run(t, good); of(alone, "good", "gbdt", 0).Note == "" || of(alone, "good", "foresight", 0).AUCMinusHost != 0 || math.IsNaN(float64(of(alone, "good", "foresight", .1).AUC)) {
		t.Errorf("a single kind: %+v", alone)
	}
}

func TestReading(t *testing.T) {
	for name, content := range map[string]string{
		"no header": "", "no rows": header, "no latency": "time,request_rate,interferer_intensity\n1,2,3\n", "ragged": header + "1,2\n",
		"nothing usable": header + "x,100,1,1,20,1,5,3,0\n",
	} {
		if _, err := ReadKind("k", strings.NewReader(content)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	k := kind(t, "k", header+"0,100,,nan,20,1,5,3,0\n13,100,1,1,20,1,5,-3,0\n26,inf,1,1,20,1,5,3,0\n")
	if len(k.Rows) != 1 || k.Dropped != 2 || !math.IsNaN(k.Rows[0].OwnWebCPU) || !math.IsNaN(k.Rows[0].OwnDBCPU) {
		t.Errorf("%+v", k)
	}

	dir := t.TempDir()
	passed := func(folder string) { t.Errorf("%s is passed over", folder) }
	if _, err := ReadAll([]string{dir}, passed); err == nil {
		t.Error("an empty folder is a data set")
	}
	if _, err := ReadAll([]string{filepath.Join(dir, "absent")}, passed); err == nil {
		t.Error("a folder that does not exist is a data set")
	}
	for _, set := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, set), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, set, "iot.csv"), []byte(measurements(1, 1, 5)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sets, err := ReadAll([]string{dir}, passed)
	if err != nil || len(sets) != 2 || sets[1].Name != "two" || sets[1].Kinds[0].Name != "iot" {
		t.Errorf("%+v, %v", sets, err)
	}
}

// A service's name is what its folder says, and set-ups of one service are never learned from for each other.
func TestServices(t *testing.T) {
	dir := t.TempDir()
	for folder, service := range map[string]string{"interference-web": "", "interference-web-two-hosts": "", "other": "web\n", "interference-db": ""} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if service != "" {
			if err := os.WriteFile(filepath.Join(dir, folder, "service"), []byte(service), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, folder, "hog.csv"), []byte(measurements(uint64(len(folder)), 1.5, 300)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "usage"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"trace.json", "cpu.csv"} {
		if err := os.WriteFile(filepath.Join(dir, "usage", name), []byte("step\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "interference-db"), filepath.Join(dir, "interference-linked")); err != nil {
		t.Fatal(err)
	}
	var passed []string
	sets, err := ReadAll([]string{dir}, func(folder string) { passed = append(passed, filepath.Base(folder)) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(passed, []string{"usage"}) {
		t.Errorf("passed over: %v", passed)
	}
	services := map[string]string{}
	for i := range sets {
		services[sets[i].Name] = sets[i].Service
	}
	if fmt.Sprint(services) != "map[interference-db:db interference-linked:linked interference-web:web interference-web-two-hosts:web other:web]" {
		t.Errorf("services: %v", services)
	}
	for _, f := range foldsOf(sets) {
		if f.leftOut == ServiceLeftOut && len(f.groups) != 2 {
			t.Errorf("%s: learns from %d other services, want 2", f.data, len(f.groups))
		}
	}
}

// One service alone, left out, leaves nothing to learn from: ours is the rank by the machine's CPU, and the others have no figure.
func TestServiceLeftOut(t *testing.T) {
	results := run(t, kind(t, "gentle", measurements(1, 1.3, 300)), kind(t, "harsh", measurements(3, 1.8, 300)))
	ours, gbdt := of(results, "web", "foresight", 0), of(results, "web", "gbdt", 0)
	if ours.Rows != 600 || ours.LeftOut != ServiceLeftOut || !(ours.AUC > .5) || ours.AUCMinusHost != 0 || gbdt.Note == "" {
		t.Errorf("%+v\n%+v", ours, gbdt)
	}
	seen := of(results, "web", "foresight", .1)
	if host := of(results, "web", "host-cpu", .1); !(seen.AUC > host.AUC) || !(seen.AUCLow <= seen.AUC && seen.AUC <= seen.AUCHigh) ||
		!(seen.AUCMinusHostLow <= seen.AUCMinusHost && seen.AUCMinusHost <= seen.AUCMinusHostHigh) {
		t.Errorf("after a tenth: %+v", seen)
	}
}
