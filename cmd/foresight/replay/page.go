// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
)

// onPage are the measures whose ratios a page shows.
var onPage = []struct{ name, head string }{
	{"hot80_node_minutes", "hot80"}, {"hot90_node_minutes", "hot90"}, {"unmet_cpu_core_minutes", "unmet"},
	{"memory90_node_minutes", "memory90"}, {"regret", "regret"},
}

// pageMark is at the head of every page.
const pageMark = "# What decisions come to\n"

// movesMark is at the head of a page with moves.
const movesMark = "# What moves come to\n"

// writePage writes the results as a page of documentation: what ran, the means over all cells, then each cell.
func writePage(out io.Writer, command string, cells [][]replay.Row) error {
	p := &printer{out: out}
	mark := pageMark
	if moves(cells[0]) {
		mark = movesMark
	}
	p.print(mark+"\nWritten by `%s`; see [replay.md](../use/replay.md) for what is measured and what to believe of it.\n", command)
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
	if moves(cells[0]) && len(cells) > 1 {
		p.print("\n## Moves, mean over the tables below\n\nGeometric means of the ratios to the same configuration without moves; moves are means, the most is the most.\n\n")
		p.movesHead()
		for c := range cells[0] {
			var of []*replay.Row
			for _, rows := range cells {
				of = append(of, &rows[c])
			}
			p.moves(of)
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
		if !moves(rows) {
			continue
		}
		p.print("\nMoves, with ratios to the same configuration without them:\n\n")
		p.movesHead()
		for i := range rows {
			p.moves([]*replay.Row{&rows[i]})
		}
	}
	return p.err
}

// moves says whether anything was moved.
func moves(rows []replay.Row) bool {
	return slices.ContainsFunc(rows, func(r replay.Row) bool { return r.Moved != nil })
}

func (p *printer) movesHead() {
	p.print("| configuration | hot80 | hot90 | unmet | memory90 | moves a day | a pod and day | back | within 6 h | most of a pod |\n|---|---|---|---|---|---|---|---|---|---|\n")
}

// moves writes the row of a configuration over some cells, if it moves pods and there are runs without.
func (p *printer) moves(rows []*replay.Row) {
	if rows[0].Moved == nil || len(rows[0].RatioToUnmoved) == 0 {
		return
	}
	p.print("| %s |", rows[0].Config)
	for _, name := range []string{"hot80_node_minutes", "hot90_node_minutes", "unmet_cpu_core_minutes", "memory90_node_minutes"} {
		if len(rows) == 1 {
			p.print(" %s |", unmoved(rows[0], name))
			continue
		}
		var ratios []float64
		for _, r := range rows {
			ratios = append(ratios, r.RatioToUnmoved[name])
		}
		mean, _ := replay.GeometricMean(ratios)
		p.print(" %.2f |", mean)
	}
	n := float64(len(rows))
	var aDay, aPod, all, back, within, most float64
	for _, r := range rows {
		aDay, aPod, all, back, within, most = aDay+r.Moves/r.Days/n, aPod+r.APodAndDay/n, all+r.Moves, back+r.Back, within+r.Soon, max(most, r.Most)
	}
	p.print(" %.1f | %.3f | %s | %s | %.0f |\n", aDay, aPod, share(back, all), share(within, all), most)
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
