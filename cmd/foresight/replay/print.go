// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"io"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
)

// printTable writes what there is over all seeds: counts a node and day, and ratios to stock.
func printTable(out io.Writer, rows []replay.Row) error {
	table := printers.GetNewTabWriter(out)
	title := ""
	for i := range rows {
		r := &rows[i]
		if r.Seed != nil {
			continue
		}
		if t := fmt.Sprintf("%s, %d %s nodes at %.2f, %.4g days, %d worlds", r.Trace, r.Nodes, r.NodeSizes, r.Density, r.Days, r.Seeds); t != title {
			if title != "" {
				fmt.Fprintln(table)
			}
			title = t
			fmt.Fprintln(table, t+" (minutes a node and day; ratios to stock with their 95 % interval)")
			fmt.Fprintln(table, "CONFIG\tPODS\tUNPLACED\tHOT80\tRATIO\tHOT90\tRATIO\tUNMET\tRATIO\tMEM90\tRATIO\tP99\tIMBALANCE\tREGRET")
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.1f\t%s\t%.1f\t%s\t%.2f\t%s\t%.1f\t%s\t%.2f\t%.3f\t%.3f\n", r.Config, r.Decisions, r.Unplaced,
			aDay(r, r.Hot80), ratio(r, "hot80_node_minutes"), aDay(r, r.Hot90), ratio(r, "hot90_node_minutes"),
			aDay(r, r.Unmet), ratio(r, "unmet_cpu_core_minutes"), aDay(r, r.Memory90), ratio(r, "memory90_node_minutes"),
			r.P99, r.Imbalance, r.Regret)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printMoves(out, rows)
}

// printMoves writes what became of moves: ratios to the same configuration without them.
func printMoves(out io.Writer, rows []replay.Row) error {
	table := printers.GetNewTabWriter(out)
	head := false
	for i := range rows {
		r := &rows[i]
		if r.Seed != nil || r.Moved == nil {
			continue
		}
		if !head {
			head = true
			fmt.Fprintln(table, "\nMoves (ratios to the same configuration without them)")
			fmt.Fprintln(table, "TRACE\tCONFIG\tMOVES A DAY\tA POD AND DAY\tBACK\tWITHIN 6H\tMOST\tHOT80\tHOT90\tUNMET\tMEM90")
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.3f\t%s\t%.1f\t%.0f\t%s\t%s\t%s\t%s\n", r.Trace, r.Config, r.Moves/r.Days, r.APodAndDay, share(r.Back, r.Moves),
			r.Soon, r.Most, unmoved(r, "hot80_node_minutes"), unmoved(r, "hot90_node_minutes"), unmoved(r, "unmet_cpu_core_minutes"), unmoved(r, "memory90_node_minutes"))
	}
	return table.Flush()
}

func share(part, all float64) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*part/all)
}

// unmoved is a ratio to the configuration without moves, with its interval.
func unmoved(r *replay.Row, name string) string {
	if r.RatioToUnmoved[name] == 0 {
		return "-"
	}
	s := fmt.Sprintf("%.2f", r.RatioToUnmoved[name])
	if in, ok := r.UnmovedIntervals[name]; ok {
		s += fmt.Sprintf(" (%.2f–%.2f)", in[0], in[1])
	}
	return s
}
