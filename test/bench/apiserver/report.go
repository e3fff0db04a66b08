// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/foresight-scheduler/foresight/test/bench/machine"
)

// result is what one variant showed: medians over the repeats.
type result struct {
	Variant       string  `json:"variant"`
	Nodes         int     `json:"nodes"`
	Mix           string  `json:"mix"`
	PodsPerSecond float64 `json:"pods_per_second"`
	// RatioToStock is least, median and greatest over the repeats; empty where stock did not run.
	RatioToStock []float64 `json:"ratio_to_stock_min_median_max"`
	// CPUPerPod of each process, in µs.
	CPUPerPod map[string]float64 `json:"cpu_us_per_pod"`
	// APIServerShare is what kube-apiserver and etcd had of the CPU time that was used, 0–1.
	APIServerShare float64 `json:"api_server_share"`
}

func (o *options) summarize(repeats []map[string]measurement) []result {
	var out []result
	for _, variant := range o.variants {
		of := func(value func(m measurement) float64) []float64 {
			var all []float64
			for _, r := range repeats {
				all = append(all, value(r[variant]))
			}
			slices.Sort(all)
			return all
		}
		r := result{Variant: variant, Nodes: o.nodes, Mix: o.mix, CPUPerPod: map[string]float64{}}
		r.PodsPerSecond = rounded(median(of(func(m measurement) float64 { return m.podsPerSecond })), 1)
		for _, process := range []string{scheduler, apiServer, etcd, load} {
			r.CPUPerPod[process] = rounded(1e6*median(of(func(m measurement) float64 { return m.cpu[process] })), 1)
		}
		r.APIServerShare = rounded(median(of(func(m measurement) float64 {
			return (m.cpu[apiServer] + m.cpu[etcd]) / (m.cpu[apiServer] + m.cpu[etcd] + m.cpu[scheduler] + m.cpu[load])
		})), 100)
		if slices.Contains(o.variants, stock) {
			var ratios []float64
			for _, repeat := range repeats {
				ratios = append(ratios, repeat[variant].podsPerSecond/repeat[stock].podsPerSecond)
			}
			slices.Sort(ratios)
			r.RatioToStock = []float64{rounded(ratios[0], 100), rounded(median(ratios), 100), rounded(ratios[len(ratios)-1], 100)}
		}
		out = append(out, r)
	}
	return out
}

// median of sorted values; of an even number, the mean of the middle two.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// rounded to 1/unit.
func rounded(x, unit float64) float64 { return math.Round(x*unit) / unit }

func printMarkdown(w io.Writer, results []result) error {
	var b strings.Builder
	b.WriteString("| nodes | mix | variant | pods/s | × stock | scheduler µs/pod | kube-apiserver µs/pod | etcd µs/pod | load µs/pod | API server and etcd |\n" +
		"|---:|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range results {
		ratio := "–"
		if len(r.RatioToStock) == 3 {
			ratio = fmt.Sprintf("%.2f (%.2f–%.2f)", r.RatioToStock[1], r.RatioToStock[0], r.RatioToStock[2])
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %.0f | %s | %.0f | %.0f | %.0f | %.0f | %.0f %% |\n", r.Nodes, r.Mix, r.Variant, r.PodsPerSecond, ratio,
			r.CPUPerPod[scheduler], r.CPUPerPod[apiServer], r.CPUPerPod[etcd], r.CPUPerPod[load], 100*r.APIServerShare)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writePage writes what was measured as a page of the documentation.
func (o *options) writePage(results []result) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# How fast, with a real API server\n\n"+
		"`go run ./test/bench/apiserver` wrote this page: `make bench` writes it anew. Upstream's kube-apiserver and etcd (without fsync), one\n"+
		"scheduler and what creates and watches the pods share one machine. Each scheduler is a process of its own, in turns.\n\n"+
		"- Machine: %s.\n"+
		"- Medians of %d repeats; of ratios, (least–greatest) too. A run creates %d pods of the mix `%s` while they are scheduled; every node\n"+
		"  has %d pods before. Pods/s are from the first creation to the last binding that a watch saw.\n"+
		"- `foresight` is the shipped configuration; nobody serves metrics.k8s.io, so predictions are of the requests. `stock` and\n"+
		"  `stock-all-nodes` are kube-scheduler's default profile, the latter with percentageOfNodesToScore: 100.\n"+
		"- CPU time is the whole process's meanwhile, per pod. The last column is the part of it that kube-apiserver and etcd took.\n\n",
		machine.Describe(), o.repeats, o.pods, o.mix, o.podsPerNode)
	if err := printMarkdown(&b, results); err != nil {
		return err
	}
	return os.WriteFile(o.page, b.Bytes(), 0o644)
}
