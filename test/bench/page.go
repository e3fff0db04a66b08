// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/foresight-scheduler/foresight/test/bench/machine"
	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// writePage writes what was measured so far as a page of the documentation.
func (o *options) writePage(results []result) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# How fast\n\n"+
		"`go run ./test/bench` wrote this page: `make bench` writes it anew. Read the ratios: variants of a case take turns in one\n"+
		"process, so what else the machine does meets all of them, while pods/s are of this machine only.\n\n"+
		"- Machine: %s.\n", machine.Describe())
	fmt.Fprintf(&b, "- Figures are medians of %d repeats; of ratios, (least–greatest) too.\n", o.repeats)
	fmt.Fprintf(&b, "- A run places at most %d pending pods, %d a node, and stops after %v, so slow variants place fewer. Every node has %d pods before.\n", o.pods, podsOnNode, o.limit, o.podsPerNode)
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
		"The CPU time of one pod of the mix `varied`, both axes logarithmic (`go run ./test/bench growth --plots docs/results`):\n\n" +
		"![against nodes](benchmarks-nodes.svg)\n![against pods per node](benchmarks-pods.svg)\n\n" +
		"## More\n\n- [benchmarks-apiserver.md](benchmarks-apiserver.md): the same with a real API server and etcd.\n" +
		"- [speed.md](speed.md): what these figures were meant to be, and where the time goes.\n")
	return os.WriteFile(o.page, b.Bytes(), 0o644)
}
