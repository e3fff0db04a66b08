// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package interference judges quality models on measurements of a service beside neighbours: it reads
// data sets, says which observations are violations, and runs the protocol that leaves one kind of
// neighbour out.
package interference

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// Kind is the measurements of a service beside one kind of neighbour, in time order.
type Kind struct {
	Name string
	Rows []Row
	// Columns says which optional columns the file has.
	Columns map[string]bool
	// Dropped is how many rows could not be read: a time, a rate or a latency that is no finite
	// number, or a negative one.
	Dropped int
}

// Row is one observation. What was not measured is NaN.
type Row struct {
	Time        float64 // in seconds from the start
	RequestRate float64 // requests/s that the service answered
	OwnWebCPU   float64 // of the service's web server, in % of the machine
	OwnDBCPU    float64 // of the service's database, in % of the machine
	HostCPU     float64 // of the machine, in %
	HostMem     float64 // of the machine, in %
	Intensity   float64 // how hard the neighbour works; 0 is the service alone
	Latency     float64 // in milliseconds
	// Shares of time, 0–1, in which a task on the machine waited (PSI "some").
	CPUPressure, MemoryPressure, IOPressure float64
}

// columns of a file, by name. The first four cannot be missing.
var columns = []struct {
	name string
	of   func(*Row) *float64
}{
	{"time", func(r *Row) *float64 { return &r.Time }},
	{"request_rate", func(r *Row) *float64 { return &r.RequestRate }},
	{"interferer_intensity", func(r *Row) *float64 { return &r.Intensity }},
	{"latency_ms", func(r *Row) *float64 { return &r.Latency }},
	{"own_web_cpu_pct", func(r *Row) *float64 { return &r.OwnWebCPU }},
	{"own_db_cpu_pct", func(r *Row) *float64 { return &r.OwnDBCPU }},
	{"host_cpu_pct", func(r *Row) *float64 { return &r.HostCPU }},
	{"host_mem_pct", func(r *Row) *float64 { return &r.HostMem }},
	{"psi_cpu_some", func(r *Row) *float64 { return &r.CPUPressure }},
	{"psi_memory_some", func(r *Row) *float64 { return &r.MemoryPressure }},
	{"psi_io_some", func(r *Row) *float64 { return &r.IOPressure }},
}

const required = 4

// DataSet is a folder of kinds: one set-up of a service.
type DataSet struct {
	Name string
	// Service is what the folder's file named service says; else the folder's name, without "interference-" in front, up to the
	// first "-" after that: interference-nginx and interference-nginx-two-hosts are set-ups of nginx.
	Service string
	Kinds   []Kind // by name
}

// ReadAll reads the data set in each of dirs, or the data sets in its folders where it holds no CSV file itself. A folder of a folder that
// holds a trace of usage is none; passed is told of it.
func ReadAll(dirs []string, passed func(folder string)) ([]DataSet, error) {
	sets := []DataSet{}
	for _, dir := range dirs {
		some, err := readOne(dir, passed)
		if err != nil {
			return nil, err
		}
		sets = append(sets, some...)
	}
	return sets, nil
}

// traceMark is a file that each folder of a usage trace has.
const traceMark = "trace.json"

func readOne(dir string, passed func(folder string)) ([]DataSet, error) {
	whole, err := read(dir)
	if err != nil {
		return nil, err
	}
	if len(whole.Kinds) > 0 {
		return []DataSet{whole}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var sets []DataSet
	for _, e := range entries {
		folder := filepath.Join(dir, e.Name())
		// A link to a folder counts as one.
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, traceMark)); err == nil {
			passed(folder)
			continue
		}
		set, err := read(folder)
		if err != nil {
			return nil, err
		}
		if len(set.Kinds) > 0 {
			sets = append(sets, set)
		}
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("%s: holds no data set: a folder with one CSV file for each kind of neighbour", dir)
	}
	return sets, nil
}

// mostName is the length of a service's name that is read, in bytes.
const mostName = 253

func serviceOf(dir, folder string) (string, error) {
	f, err := bounded.Open(filepath.Join(dir, "service"), mostName)
	if errors.Is(err, fs.ErrNotExist) {
		name, _, _ := strings.Cut(strings.TrimPrefix(folder, "interference-"), "-")
		return name, nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	name, err := io.ReadAll(f)
	if err == nil && strings.TrimSpace(string(name)) == "" {
		err = errors.New("names no service")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(dir, "service"), err)
	}
	return strings.TrimSpace(string(name)), nil
}

func read(dir string) (DataSet, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return DataSet{}, err
	}
	set := DataSet{Name: filepath.Base(absolute)}
	if _, err := os.Stat(dir); err != nil {
		return set, err
	}
	if set.Service, err = serviceOf(dir, set.Name); err != nil {
		return set, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return set, err
	}
	for _, name := range files {
		f, err := bounded.Open(name, mostBytes)
		if err != nil {
			return set, err
		}
		k, err := ReadKind(strings.TrimSuffix(filepath.Base(name), ".csv"), f)
		f.Close()
		if err != nil {
			return set, fmt.Errorf("%s: %w", name, err)
		}
		set.Kinds = append(set.Kinds, k)
	}
	return set, nil
}

const (
	// mostBytes of a file and mostLine of a line are read: tables of a few million rows, of a few thousand columns.
	mostBytes = 1 << 30
	mostLine  = 64 << 10
)

// ReadKind reads one file. It fails on what is no CSV, lacks a column that cannot be missing, or holds no row; columns that
// it does not know are ignored.
func ReadKind(name string, in io.Reader) (Kind, error) {
	k := Kind{Name: name, Columns: map[string]bool{}}
	r := csv.NewReader(bounded.Lines(in, mostLine))
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("no header")
		}
		return k, err
	}
	at := make([]int, len(columns))
	for c, column := range columns {
		at[c] = slices.IndexFunc(header, func(h string) bool { return strings.TrimSpace(h) == column.name })
		if at[c] < 0 && c < required {
			return k, fmt.Errorf("line 1: no column %s", column.name)
		}
		k.Columns[column.name] = at[c] >= 0
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return k, err
		}
		var row Row
		bad := false
		for c, column := range columns {
			v := math.NaN()
			if at[c] >= 0 {
				if x, err := strconv.ParseFloat(strings.TrimSpace(record[at[c]]), 64); err == nil && !math.IsInf(x, 0) && x >= 0 {
					v = x
				}
			}
			*column.of(&row) = v
			bad = bad || c < required && math.IsNaN(v)
		}
		if bad {
			k.Dropped++
			continue
		}
		k.Rows = append(k.Rows, row)
	}
	if len(k.Rows) == 0 {
		return k, errors.New("no row that can be read")
	}
	slices.SortStableFunc(k.Rows, func(a, b Row) int { return cmp.Compare(a.Time, b.Time) })
	return k, nil
}

const (
	// sameLoad is how far, relatively, two request rates are apart that count as equal.
	sameLoad = .05
	// tolerated is how many times the latency of the service alone is no violation.
	tolerated = 3
)

// labels says of each row whether it is a violation: a latency over 3 times the median latency of the service alone at
// equal load (within 5 %). Where the service was never measured alone at that load it is NaN.
func labels(rows []Row) []float64 {
	type solo struct{ rate, latency float64 }
	var alone []solo
	for i := range rows {
		if rows[i].Intensity == 0 {
			alone = append(alone, solo{rows[i].RequestRate, rows[i].Latency})
		}
	}
	slices.SortFunc(alone, func(a, b solo) int { return cmp.Compare(a.rate, b.rate) })
	medians := map[float64]float64{}
	y := make([]float64, len(rows))
	var near []float64
	for i := range rows {
		rate := rows[i].RequestRate
		median, ok := medians[rate]
		if !ok {
			from, _ := slices.BinarySearchFunc(alone, rate*(1-sameLoad), func(s solo, r float64) int { return cmp.Compare(s.rate, r) })
			near = near[:0]
			for ; from < len(alone) && alone[from].rate <= rate*(1+sameLoad); from++ {
				near = append(near, alone[from].latency)
			}
			median = medianOf(near)
			medians[rate] = median
		}
		y[i] = math.NaN()
		if !math.IsNaN(median) {
			y[i] = 0
			if rows[i].Latency > tolerated*median {
				y[i] = 1
			}
		}
	}
	return y
}

// medianOf sorts v; of none it is NaN.
func medianOf(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
