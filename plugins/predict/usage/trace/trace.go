// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trace reads trace bundles: folders of recorded usage that backtests replay.
//
// A bundle holds
//
//	trace.json      name, interval_seconds, start_unix, steps, unit, resources, origin, cite
//	workloads.csv   workload,cpu_limit_cores,memory_limit_bytes
//	RESOURCE.csv    step,<workload>…  then one row per step; values are per-mille of the workload's limit
//
// Reading is strict: a bundle is evidence, so anything unexpected is an error that names the file and the
// line rather than a guess. An empty cell is a gap and becomes NaN; it is never a zero.
package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// unit is what the unit of a bundle's values must begin with: no other is known.
const unit = "per-mille"

const (
	// maxLine bounds one CSV line, so that a file without line breaks cannot exhaust memory.
	maxLine = 16 << 20
	// maxHeader bounds trace.json, in bytes.
	maxHeader = 1 << 20
	// maxFile bounds a CSV file, in bytes.
	maxFile = 64 << 30
	// LastUnix is the end of the year 9999: no bundle begins later.
	LastUnix = 253402300799
	// Largest is what a limit and what a use may be, in cores or bytes: more than any machine has.
	Largest = 1 << 60
)

// Header is trace.json, as it is read and as recordings are written.
type Header struct {
	Name            string   `json:"name"`
	IntervalSeconds int      `json:"interval_seconds"`
	StartUnix       int64    `json:"start_unix"`
	Steps           int      `json:"steps"`
	Unit            string   `json:"unit"`
	Resources       []string `json:"resources"`
	Origin          string   `json:"origin"`
	Cite            string   `json:"cite"`
}

// Workload is one row of workloads.csv. A limit is zero when the bundle has no such resource.
type Workload struct {
	Name        string
	CPUCores    float64
	MemoryBytes float64
}

// Bundle is a whole trace in memory.
type Bundle struct {
	Header
	Workloads []Workload
	// Usage maps a resource to [workload][step] in absolute units (cores, bytes). NaN marks a gap.
	Usage map[string][][]float64
}

// Limit returns the limit of workload i for a resource of this bundle, in the unit of Usage.
func (b *Bundle) Limit(resource string, i int) float64 {
	if resource == "cpu" {
		return b.Workloads[i].CPUCores
	}
	return b.Workloads[i].MemoryBytes
}

// Read reads and validates the bundle in dir.
func Read(dir string) (*Bundle, error) {
	b := &Bundle{Usage: map[string][][]float64{}}
	if err := b.readHeader(filepath.Join(dir, "trace.json")); err != nil {
		return nil, err
	}
	if err := b.readWorkloads(filepath.Join(dir, "workloads.csv")); err != nil {
		return nil, err
	}
	for _, resource := range b.Resources {
		if err := b.readUsage(filepath.Join(dir, resource+".csv"), resource); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Bundle) readHeader(path string) error {
	raw, err := bounded.ReadFile(path, maxHeader)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if err := dec.Decode(&b.Header); err != nil {
		at := dec.InputOffset()
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at = syntax.Offset
		}
		line := 1 + strings.Count(string(raw[:min(int(at), len(raw))]), "\n")
		return fmt.Errorf("%s:%d: %w", path, line, err)
	}
	switch {
	case b.Name == "":
		err = errors.New("name is empty")
	case b.IntervalSeconds <= 0 || 3600%b.IntervalSeconds != 0:
		err = fmt.Errorf("interval_seconds is %d; it must be positive and divide an hour", b.IntervalSeconds)
	case b.StartUnix < 0 || b.StartUnix > LastUnix:
		err = fmt.Errorf("start_unix is %d; it must be from 0 to %d", b.StartUnix, LastUnix)
	case b.Steps <= 0 || int64(b.Steps) > LastUnix/int64(b.IntervalSeconds):
		err = fmt.Errorf("steps is %d; it must be positive, and come to less than 8,000 years", b.Steps)
	case !strings.HasPrefix(b.Unit, unit):
		err = fmt.Errorf("unit is %.100q; only %s of the workload's limit is known", b.Unit, unit)
	case len(b.Resources) == 0:
		err = errors.New("resources is empty")
	}
	seen := map[string]bool{}
	for _, r := range b.Resources {
		if r != "cpu" && r != "memory" {
			err = fmt.Errorf("resource %.100q is not known; cpu and memory are", r)
		} else if seen[r] {
			err = fmt.Errorf("resource %q is listed twice", r)
		}
		seen[r] = true
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// lines calls row for every line of a CSV file with its fields and adds file and line to any error. row is not to keep the slice.
// The bundles quote nothing, so a field is what stands between commas.
func lines(path string, row func(n int, fields []string) error) error {
	f, err := bounded.Open(path, maxFile)
	if err != nil {
		return err
	}
	defer f.Close()
	return scan(f, path, row)
}

func scan(r io.Reader, path string, row func(n int, fields []string) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	n := 0
	var fields []string
	for sc.Scan() {
		n++
		fields = fields[:0]
		for rest, more := strings.TrimSuffix(sc.Text(), "\r"), true; more; {
			var field string
			field, rest, more = strings.Cut(rest, ",")
			fields = append(fields, field)
		}
		if err := row(n, fields); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", path, n+1, err)
	}
	return nil
}

func (b *Bundle) readWorkloads(path string) error {
	seen := map[string]bool{}
	need := map[string]bool{}
	for _, r := range b.Resources {
		need[r] = true
	}
	err := lines(path, func(n int, f []string) error {
		if n == 1 {
			if got := strings.Join(f, ","); got != "workload,cpu_limit_cores,memory_limit_bytes" {
				return fmt.Errorf("header is %.100q", got)
			}
			return nil
		}
		if len(f) != 3 {
			return fmt.Errorf("%d fields, want 3", len(f))
		}
		if f[0] == "" || seen[f[0]] {
			return fmt.Errorf("workload %.100q is empty or listed twice", f[0])
		}
		name := strings.Clone(f[0]) // Not with its line.
		seen[name] = true
		cpu, err := number(f[1])
		if err != nil {
			return fmt.Errorf("cpu_limit_cores: %w", err)
		}
		mem, err := number(f[2])
		if err != nil {
			return fmt.Errorf("memory_limit_bytes: %w", err)
		}
		if need["cpu"] && cpu == 0 || need["memory"] && mem == 0 {
			return fmt.Errorf("workload %.100q has no limit for a resource of the bundle", f[0])
		}
		b.Workloads = append(b.Workloads, Workload{Name: name, CPUCores: cpu, MemoryBytes: mem})
		return nil
	})
	if err == nil && len(b.Workloads) == 0 {
		err = fmt.Errorf("%s: no workloads", path)
	}
	return err
}

func (b *Bundle) readUsage(path, resource string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	// Whatever trace.json says: a row has at least a digit, a comma for each workload and a line break.
	if most := info.Size() / int64(len(b.Workloads)+2); int64(b.Steps) > most {
		return fmt.Errorf("%s: its %d bytes cannot hold the %d steps that trace.json says", path, info.Size(), b.Steps)
	}
	u := make([][]float64, len(b.Workloads))
	all := make([]float64, len(u)*b.Steps)
	for i := range u {
		u[i] = all[i*b.Steps : (i+1)*b.Steps : (i+1)*b.Steps]
	}
	rows := 0
	err = lines(path, func(n int, f []string) error {
		if len(f) != len(b.Workloads)+1 {
			return fmt.Errorf("%d fields, want step and %d workloads", len(f), len(b.Workloads))
		}
		if n == 1 {
			if f[0] != "step" {
				return fmt.Errorf("first column is %q, want step", f[0])
			}
			for i, name := range f[1:] {
				if name != b.Workloads[i].Name {
					return fmt.Errorf("column %d is %.100q, want %.100q as in workloads.csv", i+2, name, b.Workloads[i].Name)
				}
			}
			return nil
		}
		if f[0] != strconv.Itoa(rows) {
			return fmt.Errorf("step is %.100q, want %d", f[0], rows)
		}
		if rows == b.Steps {
			return fmt.Errorf("more than the %d steps that trace.json says", b.Steps)
		}
		for i, s := range f[1:] {
			v := math.NaN()
			if s != "" {
				x, err := number(s)
				if err == nil {
					v = x / 1000 * b.Limit(resource, i)
				}
				if v > Largest {
					err = fmt.Errorf("%.100q per-mille of the limit is more than any machine has", s)
				}
				if err != nil {
					return fmt.Errorf("workload %.100q: %w", b.Workloads[i].Name, err)
				}
			}
			u[i][rows] = v
		}
		rows++
		return nil
	})
	if err != nil {
		return err
	}
	if rows != b.Steps {
		return fmt.Errorf("%s:%d: %d steps, trace.json says %d", path, rows+2, rows, b.Steps)
	}
	b.Usage[resource] = u
	return nil
}

// number parses a number from 0 to Largest.
func number(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%.100q is not a number", s)
	}
	if !(v >= 0 && v <= Largest) {
		return 0, fmt.Errorf("%.100q is not a finite number from 0 to %d", s, int64(Largest))
	}
	return v, nil
}
