// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/foresight-scheduler/foresight/test/bench/machine"
	"github.com/foresight-scheduler/foresight/test/bench/turns"
)

// result is what one variant showed: medians over the repeats.
type result struct {
	Variant       string  `json:"variant"`
	Nodes         int     `json:"nodes"`
	Mix           string  `json:"mix"`
	PodsPerSecond float64 `json:"pods_per_second"`
	// RatioToStock is least, median and greatest over the repeats; empty where stock did not run.
	RatioToStock []float64 `json:"ratio_to_stock_min_median_max"`
	// RatioToBinder is the same against the variant that decides nothing.
	RatioToBinder []float64 `json:"ratio_to_binder_min_median_max"`
	// CPUPerPod of each process, in µs.
	CPUPerPod map[string]float64 `json:"cpu_us_per_pod"`
	// APIServerShare is what kube-apiserver and etcd had of the CPU time that was used, 0–1.
	APIServerShare float64 `json:"api_server_share"`
}

func (o *options) summarize(repeats []map[string]measurement) []result {
	var out []result
	for _, variant := range o.variants {
		of := func(value func(measurement) float64) float64 { return turns.Median(turns.Of(repeats, variant, value)) }
		speed := func(m measurement) float64 { return m.podsPerSecond }
		r := result{Variant: variant, Nodes: o.nodes, Mix: o.mix, CPUPerPod: map[string]float64{}}
		r.PodsPerSecond = turns.Rounded(of(speed), 1)
		for _, process := range []string{scheduler, apiServer, etcd, load} {
			r.CPUPerPod[process] = turns.Rounded(1e6*of(func(m measurement) float64 { return m.cpu[process] }), 1)
		}
		r.APIServerShare = turns.Rounded(of(func(m measurement) float64 {
			return (m.cpu[apiServer] + m.cpu[etcd]) / (m.cpu[apiServer] + m.cpu[etcd] + m.cpu[scheduler] + m.cpu[load])
		}), 100)
		r.RatioToStock = span(turns.Ratios(repeats, variant, turns.Stock, speed))
		r.RatioToBinder = span(turns.Ratios(repeats, variant, binder, speed))
		out = append(out, r)
	}
	return out
}

// span is the least, the median and the greatest of the sorted ratios.
func span(ratios []float64) (out []float64) {
	if len(ratios) == 0 {
		return nil
	}
	for _, x := range []float64{ratios[0], turns.Median(ratios), ratios[len(ratios)-1]} {
		out = append(out, turns.Rounded(x, 100))
	}
	return out
}

func printMarkdown(w io.Writer, results []result) error {
	var b strings.Builder
	b.WriteString("| nodes | mix | variant | pods/s | × stock | × binder | scheduler µs/pod | kube-apiserver µs/pod | etcd µs/pod | load µs/pod | API server and etcd |\n" +
		"|---:|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %d | %s | %s | %.0f | %s | %s | %.0f | %.0f | %.0f | %.0f | %.0f %% |\n", r.Nodes, r.Mix, r.Variant, r.PodsPerSecond, turns.Span(r.RatioToStock), turns.Span(r.RatioToBinder),
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
		"- `binder` decides nothing: it binds pods to nodes in turn, with the same client, and sends the same events.\n"+
		"- CPU time is the whole process's meanwhile, per pod. The last column is the part of it that kube-apiserver and etcd took.\n\n",
		machine.Describe(), o.repeats, o.pods, o.mix, o.podsPerNode)
	if err := printMarkdown(&b, results); err != nil {
		return err
	}
	return os.WriteFile(o.page, b.Bytes(), 0o644)
}
