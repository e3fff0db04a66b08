// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"io"
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
)

// onPage are the measures whose ratios a page shows.
var onPage = []struct{ name, head string }{
	{"hot80_node_minutes", "hot80"}, {"hot90_node_minutes", "hot90"}, {"unmet_cpu_core_minutes", "unmet"},
	{"memory90_node_minutes", "memory90"}, {"regret", "regret"},
}

// pageMark is at the head of every page.
const pageMark = "# What decisions come to\n"

// writePage writes the results as a page of documentation: what ran, the means over all cells, then each cell.
func writePage(out io.Writer, command string, cells [][]replay.Row) error {
	p := &printer{out: out}
	p.print(pageMark+"\nWritten by `%s`; see [replay.md](../use/replay.md) for what is measured and what to believe of it.\n", command)
	p.print("Ratios are to stock in the same world. In brackets: the paired 95 %% interval over the worlds.\n")
	if len(cells) > 1 {
		p.print("\n## Mean over the tables below\n\nGeometric means of the ratios.\n\n")
		p.head("configuration")
		for c := range cells[0] {
			p.print("| %s |", cells[0][c].Config)
			for _, m := range onPage {
				sum := 0.0
				for _, rows := range cells {
					sum += math.Log(rows[c].RatioToStock[m.name])
				}
				p.print(" %.2f |", math.Exp(sum/float64(len(cells))))
			}
			p.print("\n")
		}
	}
	for _, rows := range cells {
		r := &rows[0]
		start := ""
		if r.Cold {
			start = ", the first 24 h without history"
		}
		p.print("\n## %s, %d %s nodes, %.0f %% CPU%s\n\n", r.Trace, r.Nodes, r.NodeSizes, 100*r.Density, start)
		p.print("%d worlds, %.4g days, %.0f pods placed in each. Stock has %.1f minutes a node and day over 80 %% CPU, %.1f over 90 %%,\n"+
			"%.1f core minutes unmet, and %.1f minutes over 90 %% of memory.\n\n", r.Seeds, r.Days, r.Decisions,
			aDay(r, r.Hot80), aDay(r, r.Hot90), aDay(r, r.Unmet), aDay(r, r.Memory90))
		p.head("configuration")
		for i := range rows {
			p.print("| %s |", rows[i].Config)
			for _, m := range onPage {
				p.print(" %s |", ratio(&rows[i], m.name))
			}
			p.print("\n")
		}
	}
	return p.err
}

// aDay is a sum over all nodes and days, of one of each.
func aDay(r *replay.Row, minutes float64) float64 { return minutes / float64(r.Nodes) / r.Days }

// ratio to stock with its interval.
func ratio(r *replay.Row, name string) string {
	s := fmt.Sprintf("%.2f", r.RatioToStock[name])
	if in, ok := r.Interval[name]; ok && r.Config != replay.Stock {
		s += fmt.Sprintf(" (%.2f–%.2f)", in[0], in[1])
	}
	return s
}

// printer keeps the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) print(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *printer) head(first string) {
	p.print("| %s |", first)
	for _, m := range onPage {
		p.print(" %s |", m.head)
	}
	p.print("\n|---|")
	for range onPage {
		p.print("---|")
	}
	p.print("\n")
}
