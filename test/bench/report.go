// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/foresight-scheduler/foresight/test/bench/turns"
)

// result is what one variant of one case showed: medians over the repeats.
type result struct {
	Variant       string  `json:"variant"`
	Nodes         int     `json:"nodes"`
	Mix           string  `json:"mix"`
	PodsPerSecond float64 `json:"pods_per_second"`
	// The ratios are medians of the repeats' ratios; null where the other variant did not run.
	RatioToStock         *float64 `json:"ratio_to_stock"`
	RatioToStockAllNodes *float64 `json:"ratio_to_stock_all_nodes"`
	RatioToFloor         *float64 `json:"ratio_to_floor"`
	CPUPerPod            float64  `json:"cpu_us_per_pod"`
	AllocsPerPod         float64  `json:"allocs_per_pod"`
	P50                  float64  `json:"p50_us"`
	P99                  float64  `json:"p99_us"`

	// For the table in docs.
	toStock, toAllNodes, toFloor []float64
	bytesPerNode                 float64
}

// summarize turns the repeats of one case, each a measurement a variant, into
// one result a variant.
func summarize(nodes int, mix string, names []string, repeats []map[string]measurement) []result {
	var out []result
	for _, name := range names {
		of := func(value func(measurement) float64) float64 { return turns.Median(turns.Of(repeats, name, value)) }
		speed := func(m measurement) float64 { return m.podsPerSecond }
		r := result{
			Variant: name, Nodes: nodes, Mix: mix,
			PodsPerSecond: round(of(speed)),
			CPUPerPod:     round(of(func(m measurement) float64 { return micros(m.cpuPerPod) })),
			AllocsPerPod:  round(of(func(m measurement) float64 { return m.allocsPerPod })),
			P50:           round(of(func(m measurement) float64 { return micros(m.p50) })),
			P99:           round(of(func(m measurement) float64 { return micros(m.p99) })),
			bytesPerNode:  of(func(m measurement) float64 { return m.bytesPerNode }),
			toStock:       turns.Ratios(repeats, name, stock, speed),
			toAllNodes:    turns.Ratios(repeats, name, stockAllNodes, speed),
			toFloor:       turns.Ratios(repeats, name, floor, speed),
		}
		r.RatioToStock, r.RatioToStockAllNodes, r.RatioToFloor = median(r.toStock), median(r.toAllNodes), median(r.toFloor)
		out = append(out, r)
	}
	return out
}

// median of the ratios; nil of none.
func median(ratios []float64) *float64 {
	if len(ratios) == 0 {
		return nil
	}
	m := turns.Rounded(turns.Median(ratios), 100)
	return &m
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func round(x float64) float64 { return turns.Rounded(x, 10) }

func printJSON(w io.Writer, results []result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(results)
}

func printTable(w io.Writer, results []result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODES\tMIX\tVARIANT\tPODS/S\tx STOCK\tx STOCK-ALL-NODES\tx FLOOR\tCPU µS/POD\tALLOCS/POD\tP50 µS\tP99 µS")
	for _, r := range results {
		fmt.Fprintf(t, "%d\t%s\t%s\t%.0f\t%s\t%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\n", r.Nodes, r.Mix, r.Variant, r.PodsPerSecond,
			turns.Span(r.toStock), turns.Span(r.toAllNodes), turns.Span(r.toFloor), r.CPUPerPod, r.AllocsPerPod, r.P50, r.P99)
	}
	return t.Flush()
}

func printMarkdown(w io.Writer, results []result) error {
	var b strings.Builder
	b.WriteString("| nodes | mix | variant | pods/s | × stock | × stock-all-nodes | × floor | CPU µs/pod | allocations/pod | p50 µs | p99 µs | heap KiB/node |\n")
	b.WriteString("|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %d | %s | %s | %.0f | %s | %s | %s | %.0f | %.0f | %.0f | %.0f | %.1f |\n", r.Nodes, r.Mix, r.Variant, r.PodsPerSecond,
			turns.Span(r.toStock), turns.Span(r.toAllNodes), turns.Span(r.toFloor), r.CPUPerPod, r.AllocsPerPod, r.P50, r.P99, r.bytesPerNode/1024)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
