// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded/boundedtest"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// at is a time in the recording: minutes after its begin.
func at(minutes float64) time.Time {
	return begin.Add(time.Duration(minutes * float64(time.Minute)))
}

func pod(name string, minutes, cores, bytes float64) usage.PodSample {
	p := usage.PodSample{Namespace: "ns", Name: name, Sample: usage.Sample{Time: at(minutes)}}
	if !math.IsNaN(cores) {
		p.Set(usage.CPU, cores)
	}
	if !math.IsNaN(bytes) {
		p.Set(usage.Memory, bytes)
	}
	return p
}

func reading(minutes float64, pods ...usage.PodSample) usage.Reading {
	return usage.Reading{Start: at(minutes), End: at(minutes), Pods: pods}
}

// byApp takes what is before the dash in a pod's name for its workload.
func byApp(p usage.PodSample) (Workload, bool) {
	app, _, _ := strings.Cut(p.Name, "-")
	return Workload{Name: p.Namespace + "/" + app, Cores: 2, Bytes: 1000}, app != "hidden"
}

func open(t *testing.T, dir string) *Recorder {
	t.Helper()
	r, err := Open(dir, Options{Name: "test", Interval: 5 * time.Minute, Pod: byApp, Origin: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func add(t *testing.T, r *Recorder, readings ...usage.Reading) {
	t.Helper()
	for _, reading := range readings {
		if err := r.Add(reading); err != nil {
			t.Fatal(err)
		}
	}
}

func shut(t *testing.T, r *Recorder) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBundle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r := open(t, dir)
	add(t, r,
		reading(1, pod("a-1", 1, 1, 500), pod("a-2", 1, 0.5, 100), pod("b", 1, 0, 250), pod("hidden", 1, 1, 1)),
		reading(2, pod("a-1", 2, 0.5, 300), pod("b", 2, 0, 250)), // a: 0.75 + 0.5 cores, 400 + 100 bytes
		// Nothing is known of step 1. In step 2 there is a new workload, and b has no CPU.
		reading(11, pod("a-1", 11, 3, 10), pod("b", 11, math.NaN(), 1), pod("new", 11, 0.0123, 5)),
	)
	shut(t, r)

	if got, want := content(t, dir, "cpu.csv"), "step,ns/a,ns/b,ns/new\n0,625,0,\n1,,,\n2,1500,,6.2\n"; got != want {
		t.Errorf("cpu.csv:\n%s", got)
	}
	if got, want := content(t, dir, "memory.csv"), "step,ns/a,ns/b,ns/new\n0,500,250,\n1,,,\n2,10,1,5\n"; got != want {
		t.Errorf("memory.csv:\n%s", got)
	}
	if got, want := content(t, dir, "workloads.csv"), "workload,cpu_limit_cores,memory_limit_bytes\nns/a,2,1000\nns/b,2,1000\nns/new,2,1000\n"; got != want {
		t.Errorf("workloads.csv:\n%s", got)
	}
	b, err := trace.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "test" || b.IntervalSeconds != 300 || b.StartUnix != begin.Unix() || b.Steps != 3 || b.Origin != "a test" {
		t.Errorf("header %+v", b.Header)
	}
	if cpu := b.Usage["cpu"]; cpu[0][0] != 1.25 || !math.IsNaN(cpu[1][2]) || !math.IsNaN(cpu[0][1]) {
		t.Errorf("cpu %v", cpu)
	}
}

// A step is that of the middle of the window, and is written an interval after its end.
// What comes later than that is counted.
func TestSteps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r := open(t, dir)
	windowed := pod("a", 5, 1, 1) // Over the minutes 0 to 5, which is step 0.
	windowed.Window = 5 * time.Minute
	add(t, r, reading(5, windowed))
	if c := r.Counts(); c.Steps != 0 || c.Workloads != 1 {
		t.Errorf("counts %+v", c)
	}
	add(t, r, reading(9.9, pod("a", 9.9, 2, 2)))
	if c := r.Counts(); c.Steps != 0 {
		t.Errorf("counts %+v", c)
	}
	add(t, r, reading(10, pod("a", 4, 3, 3)), reading(10.1, pod("a", 3, 1, 1)))
	if c := r.Counts(); c.Steps != 1 || c.Late != 1 {
		t.Errorf("counts %+v", c)
	}
	add(t, r, reading(11, pod("a", 600, 1, 1)))
	if c := r.Counts(); c.Refused != 1 {
		t.Errorf("counts %+v", c)
	}
	shut(t, r)
	if got, want := content(t, dir, "cpu.csv"), "step,ns/a\n0,1000\n1,1000\n"; got != want {
		t.Errorf("cpu.csv:\n%s", got)
	}
}

// A recording goes on where it ended, wherever in a write that was.
func TestResume(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	record := func(r *Recorder, from, to int) {
		for step := from; step < to; step++ {
			m := float64(step)*5 + 1
			add(t, r, reading(m, pod("a", m, 1, 1), pod(fmt.Sprintf("app%d", step/2), m, 0.5, 2)))
		}
	}
	r := open(t, whole)
	record(r, 0, 6)
	shut(t, r)
	want := content(t, whole, "cpu.csv")
	journal := content(t, filepath.Dir(whole), "whole.journal")

	for cut := 0; cut <= len(journal); cut += 7 {
		dir := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(dir+".journal", []byte(journal[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir)
		if r.journal.started && r.journal.begin.Unix() != begin.Unix() {
			t.Errorf("cut at %d: begin %v", cut, r.journal.begin)
		}
		record(r, r.Counts().Steps, 6)
		shut(t, r)
		if got := content(t, dir, "cpu.csv"); got != want {
			t.Fatalf("cut at %d:\n%s", cut, got)
		}
		if _, err := trace.Read(dir); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}

	// After a close it goes on as well.
	r = open(t, whole)
	record(r, 6, 8)
	shut(t, r)
	if b, err := trace.Read(whole); err != nil || b.Steps != 8 || len(b.Workloads) != 5 {
		t.Errorf("bundle %+v, error %v", b, err)
	}
}

// A bundle from before stands until the new one is whole, also over the end of the
// process between the two renames.
func TestReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r := open(t, dir)
	add(t, r, reading(1, pod("a", 1, 1, 1)))
	shut(t, r)
	if err := errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir+".partial", 0o755)); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir)
	if b, err := trace.Read(dir); err != nil || b.Steps != 1 {
		t.Errorf("bundle %+v, error %v", b, err)
	}
	add(t, r, reading(6, pod("a", 6, 1, 1)))
	shut(t, r)
	if b, err := trace.Read(dir); err != nil || b.Steps != 2 {
		t.Errorf("bundle %+v, error %v", b, err)
	}
	for _, left := range []string{".old", ".partial"} {
		if _, err := os.Stat(dir + left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left, error %v", left, err)
		}
	}
}

func TestNothingRecorded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r := open(t, dir)
	add(t, r, usage.Reading{End: at(1)}, reading(1, pod("hidden", 1, 1, 1), pod("a", 1, math.NaN(), math.NaN())))
	shut(t, r)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bundle of nothing, error %v", err)
	}
}

func TestNodes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r, err := Open(dir, Options{Name: "nodes", Interval: time.Minute, Node: func(n usage.NodeSample) (Workload, bool) {
		cores := 4.0
		if n.Node == "unsized" {
			cores = 0
		}
		return Workload{Name: n.Node, Cores: cores, Bytes: 1}, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := usage.NodeSample{Node: "n", Sample: pod("", 0, 1, 1).Sample}
	unsized, comma := n, n
	unsized.Node, comma.Node = "unsized", "a,b"
	add(t, r, usage.Reading{End: at(0), Nodes: []usage.NodeSample{n, unsized, comma}})
	if c := r.Counts(); c.Refused != 2 || c.Workloads != 1 {
		t.Errorf("counts %+v", c)
	}
	shut(t, r)
	if b, err := trace.Read(dir); err != nil || b.Usage["cpu"][0][0] != 1 {
		t.Errorf("bundle %+v, error %v", b, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := Options{Name: "test", Interval: time.Minute, Pod: byApp}
	for name, change := range map[string]func(*Options){
		"no name":           func(o *Options) { o.Name = "" },
		"no interval":       func(o *Options) { o.Interval = 0 },
		"an odd interval":   func(o *Options) { o.Interval = 7 * time.Minute },
		"nothing to record": func(o *Options) { o.Pod = nil },
		"another trace":     func(o *Options) { o.Name = "other" },
		"another interval":  func(o *Options) { o.Interval = time.Hour },
	} {
		dir := filepath.Join(t.TempDir(), "bundle")
		r, err := Open(dir, good)
		if err != nil {
			t.Fatal(err)
		}
		add(t, r, reading(1, pod("a", 1, 1, 1)))
		shut(t, r)
		options := good
		change(&options)
		if _, err := Open(dir, options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	for _, journal := range []string{"x\n", "{}\n", `{"step":{"n":0,"used":[]}}` + "\n"} {
		if err := os.WriteFile(dir+".journal", []byte(journal), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, good); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: error %v", journal, err)
		}
		if got := content(t, filepath.Dir(dir), "bundle.journal"); got != journal {
			t.Errorf("the foreign file was changed to %q", got)
		}
	}
}

// No journal makes the recorder panic, and what it takes up costs no more than a small multiple of its bytes.
func FuzzJournal(f *testing.F) {
	const header = `{"trace":{"name":"test","interval_seconds":300,"start_unix":1767322800}}` + "\n"
	const workload = `{"workload":{"name":"a","cores":1,"bytes":1}}` + "\n"
	for _, step := range []string{
		`{"step":{"n":0,"used":[[0,1,2]]}}`, `{"step":{"n":0,"used":[[1e300,1,2]]}}`, `{"step":{"n":0,"used":[[0.5,1,2]]}}`, `{"step":{"n":9e18,"used":[]}}`,
		`{"step":{"n":1000000000000,"used":[]}}`, `{"step":{"n":0,"used":[[],[null],[-1]]}}`, `{"step":{"n":0,"used":[[0,1e308,-1]]}}`,
	} {
		f.Add([]byte(header + workload + step + "\n"))
	}
	f.Add([]byte(header + `{"workload":{"name":"a,b","cores":0,"bytes":1e-300}}` + "\n"))
	f.Fuzz(func(t *testing.T, journal []byte) {
		dir := filepath.Join(t.TempDir(), "trace")
		if err := os.WriteFile(dir+".journal", journal, 0o600); err != nil {
			t.Fatal(err)
		}
		boundedtest.Allocates(t, len(journal), func() {
			r, err := Open(dir, Options{Name: "test", Interval: 5 * time.Minute, Pod: byApp})
			if err != nil {
				return
			}
			if err := r.journal.close(); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// A journal that nobody here wrote is refused, and says which line: an index that is none, or a step that would be rows without
// end.
func TestJournalsOfOthers(t *testing.T) {
	for step, want := range map[string]string{
		`{"step":{"n":0,"used":[[1e300,1,2]]}}`:  "line 3: a workload",
		`{"step":{"n":0,"used":[[0.5,1,2]]}}`:    "line 3: a workload",
		`{"step":{"n":0,"used":[[0,-1,2]]}}`:     "line 3: -1 was used",
		`{"step":{"n":0,"used":[[0,1,1e300]]}}`:  "line 3: 1e+300 was used",
		`{"step":{"n":1000000000000,"used":[]}}`: "line 3: not the line of a recording",
		`{"workload":{"name":"a,b","cores":1}}`:  "line 3: the workload",
	} {
		dir := filepath.Join(t.TempDir(), "trace")
		journal := `{"trace":{"name":"test","interval_seconds":300,"start_unix":1767322800}}` + "\n" + `{"workload":{"name":"a","cores":1,"bytes":1}}` + "\n" + step + "\n"
		if err := os.WriteFile(dir+".journal", []byte(journal), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Options{Name: "test", Interval: 5 * time.Minute, Pod: byApp}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", step, err)
		}
	}
}
