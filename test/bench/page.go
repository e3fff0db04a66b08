// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// writePage writes what was measured so far as a page of the documentation.
func (o *options) writePage(results []result) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# How fast\n\n"+
		"`go run ./test/bench` wrote this page: `make bench` writes it anew. Read the ratios: variants of a case take turns in one\n"+
		"process, so what else the machine does meets all of them, while pods/s are of this machine only.\n\n"+
		"- Machine: %s; %s, Kubernetes %s, %s.\n", machine(), runtime.Version(), kubernetesVersion(), time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, "- Figures are medians of %d repeats; of ratios, (least–greatest) too.\n", o.repeats)
	fmt.Fprintf(&b, "- A run places at most %d pending pods and stops after %v, so slow variants place fewer. Every node has %d pods before.\n", o.pods, o.limit, o.podsPerNode)
	b.WriteString("- The scheduler is the real one, on an API server in memory that costs next to nothing. Against a real one, which takes most of\n" +
		"  the CPU, every ratio is smaller.\n" +
		"- p50 and p99 are of the scheduling algorithm: filtering and scoring for one pod. Heap is what the scheduler holds before the\n" +
		"  first pod, with its informers; allocations and CPU are the whole process's.\n\n" +
		"Variants:\n\n")
	for _, v := range o.variants {
		fmt.Fprintf(&b, "- `%s`: %s\n", v, variantHelp[v])
	}
	b.WriteString("\nMixes of pending pods:\n\n")
	for _, m := range o.mixes {
		fmt.Fprintf(&b, "- `%s`: %s\n", m, synthetic.Mixes[m])
	}
	b.WriteString("\n")
	if err := printMarkdown(&b, results); err != nil {
		return err
	}
	b.WriteString("\n## Growth\n\n" +
		"The CPU time of one pod of the mix `varied`, both axes logarithmic (`go run ./test/bench growth --plots docs`):\n\n" +
		"![against nodes](benchmarks-nodes.svg)\n![against pods per node](benchmarks-pods.svg)\n")
	return os.WriteFile(o.page, b.Bytes(), 0o644)
}

// machine says what the figures were taken on.
func machine() string {
	memory := "unknown memory"
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		memory = fmt.Sprintf("%.0f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30))
	}
	return fmt.Sprintf("%d CPUs (%s), %s", runtime.NumCPU(), cpuModel(), memory)
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// kubernetesVersion is the one that is linked.
func kubernetesVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "k8s.io/kubernetes" {
				return d.Version
			}
		}
	}
	return "unknown"
}
