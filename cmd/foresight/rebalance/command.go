// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rebalance is foresight rebalance: which pods the leader has moved or would move, and why others stay.
package rebalance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

type options struct {
	leader.Flags
	dryRun bool
	pack   bool
}

// NewCommand returns foresight rebalance.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags()}
	cmd := &cobra.Command{
		Use:   "rebalance",
		Short: "Show which pods were moved or would be, and why others stay",
		Long: `Show what the rebalancer of the leader has suggested or moved, the newest first, what it expects
nodes to suffer, and why pods whose going would cure something stay where they are. With
--dry-run the leader looks at the cluster now: it shows what it would move within an hour, and
neither moves nor remembers anything. With --pack it shows which nodes could be emptied with
no other node suffering from it, so that a cluster autoscaler can remove them, and what the leader
did of it by itself where packing is on. The scheduler's configuration turns the rebalancer on;
see docs/use/rebalance.md.`,
		Example: `  foresight rebalance
  foresight rebalance --dry-run
  foresight rebalance --pack`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.Add(cmd)
	o.Format.AddFlag(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "have the leader look now, and show what it would move within an hour")
	cmd.Flags().BoolVar(&o.pack, "pack", false, "show which nodes could be emptied, and where their pods would go")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "pack")
	return cmd
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	query := url.Values{}
	if o.dryRun {
		query.Set("now", "true")
	}
	if o.pack {
		query.Set("pack", "true")
		packing := &rebalance.Packing{}
		if err := o.ask(ctx, query, packing); err != nil {
			return err
		}
		return output.Print(out, o.Format, packing, printPacking)
	}
	report := &rebalance.Report{}
	if err := o.ask(ctx, query, report); err != nil {
		return err
	}
	return output.Print(out, o.Format, report, o.print)
}

func (o *options) ask(ctx context.Context, query url.Values, into any) error {
	err := o.Leader.Get(ctx, "rebalance", query, into)
	if errors.Is(err, leader.ErrNotServed) {
		return fmt.Errorf("%w: is the rebalancer on? See mode in the args of Rebalance (docs/use/rebalance.md)", err)
	}
	return err
}

func (o *options) print(out io.Writer, r *rebalance.Report) error {
	switch {
	case r.Time.IsZero():
		fmt.Fprintf(out, "Mode %s. The leader has not looked yet.\n", r.Mode)
	default:
		fmt.Fprintf(out, "Mode %s. At %s nodes are expected to use %.0f core minutes beyond what they run well at.\n", r.Mode, r.Time.Format(time.TimeOnly), r.Suffers)
	}
	if r.Promised > 0 {
		fmt.Fprintf(out, "The last moves promised %.0f core minutes and brought %.0f.\n", r.Promised, r.Realised)
	}
	if r.Stopped != nil {
		fmt.Fprintf(out, "Nothing moves until %s, since moves did not bring what they promised.\n", r.Stopped.Format(time.RFC3339))
	}
	if o.dryRun {
		if err := printRecords(out, "Would move", r.Moves); err != nil {
			return err
		}
	}
	if err := printRecords(out, "Moves", r.Records); err != nil {
		return err
	}
	if len(r.Closest) > 0 {
		fmt.Fprintln(out, "\nStay, though their going would cure something")
		table := printers.GetNewTabWriter(out)
		fmt.Fprintln(table, "NAMESPACE\tPOD\tNODE\tWOULD GO TO\tCURES\tGAIN\tREASON")
		for _, n := range r.Closest {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.0f\t%.0f\t%s\n", n.Namespace, n.Pod, n.From, cmp.Or(n.To, "-"), n.Cures, n.Gain, n.Reason)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(r.Resizes) > 0 {
		fmt.Fprintln(out, "\nRequests far below use, on nodes that suffer from it (suggested for a pod; nobody changes them)")
		table := printers.GetNewTabWriter(out)
		fmt.Fprintln(table, "WORKLOAD\tPODS\tCPU REQUEST\tSUGGESTED\tSUCH AS\tON")
		for _, s := range r.Resizes {
			fmt.Fprintf(table, "%s\t%d\t%.2f\t%.2f\t%s\t%s\n", s.Workload, s.Pods, s.Requested, s.Suggested, s.Pod, s.Node)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return printReasons(out, "In all", r.Refused)
}

func printPacking(out io.Writer, p *rebalance.Packing) error {
	fmt.Fprintf(out, "%d of %d nodes could be emptied, one after the other; %d were tried.\n", len(p.Emptied), p.Nodes, p.Tried)
	if p.Partial {
		fmt.Fprintln(out, "The scheduler ran out of time before it had looked at all nodes.")
	}
	if len(p.Emptied) > 0 {
		table := printers.GetNewTabWriter(out)
		fmt.Fprintln(table, "NODE\tPODS\tHARM\tWOULD GO")
		for _, e := range p.Emptied {
			var moves []string
			for _, m := range e.Moves {
				moves = append(moves, m.Pod+" to "+m.To)
			}
			fmt.Fprintf(table, "%s\t%d\t%.0f\t%s\n", e.Node, len(e.Moves), e.Harm, strings.Join(moves, ", "))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if err := printReasons(out, "Nodes that stay", p.Kept); err != nil || p.Mode == "" {
		return err
	}
	fmt.Fprintf(out, "\nPacking: mode %s.", p.Mode)
	if p.Now != "" {
		fmt.Fprintf(out, " %s is marked as being emptied since %s.", p.Now, p.Since.Format(time.TimeOnly))
	}
	fmt.Fprintln(out)
	if len(p.Records) == 0 {
		return nil
	}
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "TIME\tNODE\tRESULT\tWHY")
	for _, r := range p.Records {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.Time.Format(time.TimeOnly), r.Node, r.Result, r.Why)
	}
	return table.Flush()
}

// printReasons prints how many there are of each.
func printReasons(out io.Writer, title string, reasons map[rebalance.Reason]int) error {
	if len(reasons) == 0 {
		return nil
	}
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		all = append(all, fmt.Sprintf("%s %d", reason, reasons[reason]))
	}
	_, err := fmt.Fprintf(out, "\n%s: %s\n", title, strings.Join(all, ", "))
	return err
}

func printRecords(out io.Writer, title string, records []rebalance.Record) error {
	if len(records) == 0 {
		_, err := fmt.Fprintf(out, "\n%s: none\n", title)
		return err
	}
	fmt.Fprintf(out, "\n%s\n", title)
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "TIME\tNAMESPACE\tPOD\tFROM\tTO\tGAIN\tRESULT\tWHY")
	for _, m := range records {
		result := cmp.Or(m.Result, "-")
		if m.On != "" {
			result += " (" + m.Successor + " on " + m.On + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%.0f\t%s\t%s\n", m.Time.Format(time.TimeOnly), m.Namespace, m.Pod, m.From, m.To, m.Gain, result, m.Why)
	}
	return table.Flush()
}
