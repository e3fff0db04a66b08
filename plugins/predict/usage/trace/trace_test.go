// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded/boundedtest"
)

// files is a small valid bundle; each test breaks one of its files.
func files() map[string]string {
	return map[string]string{
		"trace.json": `{
 "name": "tiny", "interval_seconds": 300, "start_unix": 0, "steps": 2,
 "unit": "per-mille of the workload's limit", "resources": ["cpu", "memory"],
 "origin": "", "cite": ""
}`,
		"workloads.csv": "workload,cpu_limit_cores,memory_limit_bytes\na,2,1000\nb,4,2000\n",
		"cpu.csv":       "step,a,b\n0,500,250\n1,,1100\n",
		"memory.csv":    "step,a,b\n0,1,2\n1,3,4\n",
	}
}

func write(t testing.TB, fs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range fs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Values come out in absolute units, above the limit when the trace says so, and a gap is NaN.
func TestRead(t *testing.T) {
	b, err := Read(write(t, files()))
	if err != nil {
		t.Fatal(err)
	}
	cpu := b.Usage["cpu"]
	if cpu[0][0] != 1 || cpu[1][0] != 1 || math.Abs(cpu[1][1]-4.4) > 1e-12 || !math.IsNaN(cpu[0][1]) {
		t.Errorf("cpu = %v", cpu)
	}
	if got := b.Usage["memory"][1][1]; got != 8 {
		t.Errorf("memory = %v, want 8", got)
	}
}

// Every fault is refused with the file and, for rows, the line.
func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct{ name, file, old, new, want string }{
		{"missing file", "cpu.csv", "", "-", "cpu.csv"},
		{"not JSON", "trace.json", `"name"`, `name`, "trace.json:2"},
		{"bad interval", "trace.json", "300", "7", "interval_seconds"},
		{"unknown unit", "trace.json", "per-mille", "percent", "unit"},
		{"unknown resource", "trace.json", `"memory"`, `"gpu"`, "gpu"},
		{"resource twice", "trace.json", `"memory"`, `"cpu"`, "twice"},
		{"bad header", "workloads.csv", "cpu_limit_cores", "cores", "workloads.csv:1"},
		{"workload twice", "workloads.csv", "b,4", "a,4", "workloads.csv:3"},
		{"no limit", "workloads.csv", "b,4", "b,0", "workloads.csv:3"},
		{"negative limit", "workloads.csv", "b,4", "b,-4", "workloads.csv:3"},
		{"wrong column", "cpu.csv", "step,a,b", "step,a,c", "cpu.csv:1"},
		{"short row", "cpu.csv", "0,500,250", "0,500", "cpu.csv:2"},
		{"step skipped", "cpu.csv", "1,,1100", "2,,1100", "cpu.csv:3"},
		{"not a number", "memory.csv", "1,3,4", "1,x,4", "memory.csv:3"},
		{"NaN", "memory.csv", "1,3,4", "1,NaN,4", "memory.csv:3"},
		{"negative", "memory.csv", "1,3,4", "1,-3,4", "memory.csv:3"},
		{"absurd", "memory.csv", "1,3,4", "1,1e300,4", "memory.csv:3"},
		{"absurd limit", "workloads.csv", "b,4", "b,1e300", "workloads.csv:3"},
		{"too many steps", "memory.csv", "1,3,4\n", "1,3,4\n2,3,4\n", "memory.csv:4"},
		{"steps without end", "trace.json", `"steps": 2`, `"steps": 9223372036854775807`, "steps"},
		{"steps of nowhere", "trace.json", `"steps": 2`, `"steps": 1000000`, "cannot hold the 1000000 steps"},
		{"start without date", "trace.json", `"start_unix": 0`, `"start_unix": 9223372036854775807`, "start_unix"},
		{"too few steps", "memory.csv", "1,3,4\n", "", "memory.csv:3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs := files()
			if tc.new == "-" {
				delete(fs, tc.file)
			} else {
				fs[tc.file] = strings.Replace(fs[tc.file], tc.old, tc.new, 1)
			}
			_, err := Read(write(t, fs))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

// What trace.json promises costs nothing: memory is for what is there. 29 KB that named 2,000 workloads and a million steps took
// 16 GB.
func TestPromisedSteps(t *testing.T) {
	fs := files()
	fs["trace.json"] = strings.Replace(fs["trace.json"], `"steps": 2`, `"steps": 1048576`, 1)
	workloads, usage := &strings.Builder{}, &strings.Builder{}
	workloads.WriteString("workload,cpu_limit_cores,memory_limit_bytes\n")
	usage.WriteString("step")
	for i := range 2000 {
		fmt.Fprintf(workloads, "%d,1,1\n", i)
		fmt.Fprintf(usage, ",%d", i)
	}
	fs["workloads.csv"], fs["cpu.csv"] = workloads.String(), usage.String()+"\n"
	dir := write(t, fs)
	boundedtest.Allocates(t, size(fs), func() {
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "cannot hold the 1048576 steps") {
			t.Errorf("error %v", err)
		}
	})
}

func size(files map[string]string) (n int) {
	for _, body := range files {
		n += len(body)
	}
	return n
}

// A bundle is of files: a pipe in the place of one is an error, and nothing to wait for.
func TestPipeInABundle(t *testing.T) {
	for name := range files() {
		fs := files()
		delete(fs, name)
		dir := write(t, fs)
		if err := unix.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// No input makes the reader panic, and what it accepts is complete.
func FuzzBundle(f *testing.F) {
	fs := files()
	f.Add(fs["trace.json"], fs["workloads.csv"], fs["cpu.csv"])
	f.Add(fs["trace.json"], fs["workloads.csv"], "step,a,b\n0,1e999,-\n")
	f.Add(strings.Replace(fs["trace.json"], `"steps": 2`, `"steps": 1e300`, 1), "workload,cpu_limit_cores,memory_limit_bytes\na,1e308,1\n", "step,a\n0,1e308\n")
	f.Fuzz(func(t *testing.T, header, workloads, cpu string) {
		fs := files()
		fs["trace.json"], fs["workloads.csv"], fs["cpu.csv"] = header, workloads, cpu
		dir := write(t, fs)
		boundedtest.Allocates(t, size(fs), func() {
			b, err := Read(dir)
			if err != nil {
				if len(err.Error()) > 2000 {
					t.Errorf("an error of %d bytes", len(err.Error()))
				}
				return
			}
			for resource, usage := range b.Usage {
				if len(usage) != len(b.Workloads) {
					t.Fatalf("%s: %d workloads, want %d", resource, len(usage), len(b.Workloads))
				}
				for _, w := range usage {
					if len(w) != b.Steps {
						t.Fatalf("%d steps, want %d", len(w), b.Steps)
					}
					for _, v := range w {
						if v < 0 || math.IsInf(v, 0) {
							t.Fatalf("value %v", v)
						}
					}
				}
			}
		})
	})
}
