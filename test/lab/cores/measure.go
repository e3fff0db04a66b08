// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// cell is one run of the service beside one hog, or alone.
type cell struct {
	hog  hog
	rate float64
}

var (
	rates = []float64{40, 80, 120}
	// wanted is what a hog wants, in CPUs: mostly what nodes of real clusters are used.
	wanted = []float64{0, .1, .2, .3, .45, .6, .8, 1.1}
)

// cells of some kinds, each repeated, in an order drawn by seed, so that a busy minute of the
// machine does not fall on one of them.
func cells(kinds []string, repeats int, seed uint64) []cell {
	var all []cell
	for range repeats {
		for _, kind := range kinds {
			for _, rate := range rates {
				for _, cores := range wanted {
					all = append(all, cell{wanting(kind, cores), rate})
				}
			}
		}
	}
	rand.New(rand.NewPCG(seed, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// header of a file of the data set; docs/design/quality.md says what the columns are.
var header = []string{
	"time", "request_rate", "own_web_cpu_pct", "own_db_cpu_pct", "host_cpu_pct", "host_mem_pct", "interferer_intensity", "latency_ms",
	"psi_cpu_some", "psi_memory_some", "psi_io_some", "before_cpu_peak_pct",
}

// dataSet measures cells on all nodes at once and writes a file per kind to dir.
func (l lab) dataSet(ctx context.Context, dir string, all []cell) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	rows := map[string][][]string{}
	for first := 0; first < len(all); first += len(l.nodes) {
		now := all[first:min(first+len(l.nodes), len(all))]
		fmt.Fprintf(os.Stderr, "\r%s: %d of %d runs, %.0f s", filepath.Base(dir), first, len(all), time.Since(l.begin).Seconds())
		measured := make([][][]string, len(now))
		var group errgroup.Group
		for i, c := range now {
			group.Go(func() (err error) {
				measured[i], err = l.measure(ctx, l.nodes[i], c, uint64(first+i))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, c := range now {
			rows[c.hog.Kind] = append(rows[c.hog.Kind], measured[i]...)
		}
	}
	fmt.Fprintln(os.Stderr)
	for kind, records := range rows {
		if err := writeCSV(filepath.Join(dir, kind+".csv"), append([][]string{header}, records...)); err != nil {
			return err
		}
	}
	return nil
}

// measure returns a row for each window of a cell's run.
func (l lab) measure(ctx context.Context, n node, c cell, seed uint64) ([][]string, error) {
	before, end, err := l.background(ctx, n, []hog{c.hog}, seed)
	defer end()
	if err != nil {
		return nil, err
	}
	begin := time.Since(l.begin).Seconds()
	r, err := n.serve(ctx, load{Rate: c.rate, Length: l.run, Window: l.window, Rounds: l.rounds, Seed: seed})
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for i, w := range r.Windows {
		rows = append(rows, numbers(begin+float64(i)*l.window.Seconds(), float64(len(r.Latencies))/l.run.Seconds(), 100*w.Own, 0, 100*w.Node.CPU, memoryUsed(),
			c.hog.Intensity, w.Latency, before.Pressure["cpu"], before.Pressure["memory"], before.Pressure["io"], 100*before.Peak))
	}
	return rows, nil
}

// background starts hogs on a node, and tells what the node does before the service comes. The hogs
// go, and are gone, with end.
func (l lab) background(ctx context.Context, n node, hogs []hog, seed uint64) (before use, end func(), err error) {
	ctx, stop := context.WithCancel(ctx)
	var waits []func()
	end = func() {
		stop()
		for _, wait := range waits {
			wait()
		}
	}
	for i, h := range hogs {
		if h.Intensity == 0 {
			continue
		}
		wait, err := h.start(ctx, n, l.out, seed*100+uint64(10*i))
		waits = append(waits, wait)
		if err != nil {
			return use{}, end, err
		}
	}
	time.Sleep(l.observe / 4) // They start up.
	first, err := n.read()
	if err != nil {
		return use{}, end, err
	}
	last, peak, windows := first, 0., []float64(nil)
	for range max(1, int(l.observe/l.window)) {
		time.Sleep(l.window)
		now, err := n.read()
		if err != nil {
			return use{}, end, err
		}
		windows = append(windows, now.since(last).CPU)
		last, peak = now, max(peak, windows[len(windows)-1])
	}
	before = last.since(first)
	before.Peak, before.windows = peak, windows
	return before, end, nil
}

// memoryUsed is how much of the machine's memory is in use, in %, or 0 where that cannot be read.
func memoryUsed() float64 {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer file.Close()
	found := map[string]float64{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 {
			found[fields[0]], _ = strconv.ParseFloat(fields[1], 64)
		}
	}
	if found["MemTotal:"] == 0 {
		return 0
	}
	return 100 * (1 - found["MemAvailable:"]/found["MemTotal:"])
}

func numbers(values ...float64) []string {
	record := make([]string, len(values))
	for i, v := range values {
		record[i] = strconv.FormatFloat(v, 'f', 4, 64)
	}
	return record
}

func writeCSV(path string, records [][]string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := csv.NewWriter(file).WriteAll(records); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return file.Close()
}
