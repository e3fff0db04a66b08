// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
)

// latency is what `workload load` prints, in milliseconds.
type latency struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	P50      float64 `json:"p50"`
	P90      float64 `json:"p90"`
	P99      float64 `json:"p99"`
}

// row is one measurement of one pod of the service.
type row struct {
	Seed int
	// Burner is the node of the neighbour, or empty.
	Burner string
	// Node is where the pod is.
	Node string
	latency
	// Pressure is the share of the time in which some task of the node waited for a CPU,
	// 0–1.
	Pressure float64
}

func writeCSV(file string, rows []row) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	w := csv.NewWriter(out)
	records := [][]string{{"seed", "burner", "node", "requests", "errors", "p50_ms", "p90_ms", "p99_ms", "cpu_pressure"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
	for _, r := range rows {
		records = append(records, []string{
			strconv.Itoa(r.Seed), r.Burner, r.Node, strconv.Itoa(r.Requests), strconv.Itoa(r.Errors),
			number(r.P50), number(r.P90), number(r.P99), number(r.Pressure),
		})
	}
	if err := w.WriteAll(records); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return out.Close()
}

// kind of measurement, over all seeds.
type kind struct{ burner, node string }

func kinds(rows []row) []kind {
	var all []kind
	for _, r := range rows {
		if k := (kind{r.Burner, r.Node}); !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

func values(rows []row, k kind, of func(row) float64) []float64 {
	var all []float64
	for _, r := range rows {
		if (kind{r.Burner, r.Node}) == k {
			all = append(all, of(r))
		}
	}
	slices.Sort(all)
	return all
}

// median of values; of an even number of them the mean of the middle two.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func p50(r row) float64      { return r.P50 }
func p99(r row) float64      { return r.P99 }
func pressure(r row) float64 { return r.Pressure }

// printSummary prints medians over the seeds, and how much slower each is than alone.
func printSummary(out io.Writer, rows []row) {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "BURNER ON\tSERVICE ON\tP50\tP99\tCPU PRESSURE\tP50 TO ALONE")
	for _, k := range kinds(rows) {
		alone := median(values(rows, kind{"", k.node}, p50))
		middle := median(values(rows, k, p50))
		fmt.Fprintf(table, "%s\t%s\t%.1f ms\t%.1f ms\t%.0f %%\t%.2f\n", orNone(k.burner), k.node,
			middle, median(values(rows, k, p99)), 100*median(values(rows, k, pressure)), middle/alone)
	}
	_ = table.Flush()
}
