// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodes is foresight nodes: what nodes use, have promised, and are predicted to use.
package nodes

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/complete"
	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// orders are what rows can be sorted by; all but the name put the fullest node first, as a share of what it has.
var orders = map[string]func(n *decision.Node) float64{
	"used":      func(n *decision.Node) float64 { return share(used(&n.CPU), n.CPU.Allocatable) },
	"requested": func(n *decision.Node) float64 { return share(n.CPU.Requested, n.CPU.Allocatable) },
	"predicted": func(n *decision.Node) float64 { return share(n.CPU.Day.Upper, n.CPU.Allocatable) },
	"memory":    func(n *decision.Node) float64 { return share(n.Memory.Day.Upper, n.Memory.Allocatable) },
}

var orderNames = []string{"name", "used", "requested", "predicted", "memory"}

type options struct {
	config *genericclioptions.ConfigFlags
	leader *leader.Asker
	format output.Format
	sort   string
	wide   bool
}

// NewCommand returns foresight nodes.
func NewCommand() *cobra.Command {
	o := &options{config: genericclioptions.NewConfigFlags(true)}
	o.leader = leader.New(o.config)
	cmd := &cobra.Command{
		Use:   "nodes [NODE...]",
		Short: "Show what nodes use, have promised, and are predicted to use",
		Long: `Show of each node what its pods request, what it uses, and what it is predicted to use: from
the lower to the upper bound of the largest use within a day. FORECAST says where that comes
from: fresh samples, stale ones, the profile of past weeks, or requests where nothing is
known; AGE is that of the newest sample.

Below the table stands how often the forecasts of past hours held, beside what was promised.`,
		Example: `  foresight nodes
  foresight nodes --sort predicted
  foresight nodes node-3 --wide`,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd.OutOrStdout(), args) },
		ValidArgsFunction: complete.Nodes(o.config),
	}
	o.config.AddFlags(cmd.Flags())
	o.leader.AddFlags(cmd)
	o.format.AddFlag(cmd)
	cmd.Flags().StringVar(&o.sort, "sort", "name", "name, or the fullest first by: used, requested, predicted (CPU within a day) or memory")
	cmd.Flags().BoolVar(&o.wide, "wide", false, "show the next hour and the expected use too")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(orderNames, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *options) run(ctx context.Context, out io.Writer, names []string) error {
	if !slices.Contains(orderNames, o.sort) {
		return fmt.Errorf("--sort %q: must be %s", o.sort, strings.Join(orderNames, ", "))
	}
	answer := &decision.Nodes{}
	if err := o.leader.Get(ctx, "nodes", nil, answer); err != nil {
		return err
	}
	if len(names) > 0 {
		var chosen []decision.Node
		for _, name := range names {
			i := slices.IndexFunc(answer.Nodes, func(n decision.Node) bool { return n.Name == name })
			if i < 0 {
				return fmt.Errorf("there is no node %q", name)
			}
			chosen = append(chosen, answer.Nodes[i])
		}
		answer.Nodes = chosen
	}
	if by := orders[o.sort]; by != nil {
		slices.SortStableFunc(answer.Nodes, func(a, b decision.Node) int { return cmp.Compare(by(&b), by(&a)) })
	}
	return output.Print(out, o.format, answer, o.print)
}

func (o *options) print(out io.Writer, answer *decision.Nodes) error {
	table := printers.GetNewTabWriter(out)
	head := []string{"NODE", "PODS", "CPU REQUESTED", "USED", "PREDICTED, 24 H", "MEMORY REQUESTED", "USED", "PREDICTED, 24 H", "FORECAST", "AGE"}
	if o.wide {
		head = append(head, "CPU EXPECTED", "1 H", "MEMORY EXPECTED", "1 H")
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for i := range answer.Nodes {
		n := &answer.Nodes[i]
		row := append([]string{n.Name, fmt.Sprint(n.Pods)}, cells(&n.CPU, "cpu")...)
		row = append(append(row, cells(&n.Memory, "memory")...), n.Rung, age(n.AgeSeconds))
		if o.wide {
			row = append(row, decision.Amount("cpu", n.CPU.Expected), between(n.CPU.Hour, "cpu"), decision.Amount("memory", n.Memory.Expected), between(n.Memory.Hour, "memory"))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, line := range trust(answer) {
		fmt.Fprintln(out, line)
	}
	return nil
}

func cells(r *decision.Resources, resource string) []string {
	latest := "-"
	if r.Used != nil {
		latest = decision.Amount(resource, *r.Used)
	}
	return []string{decision.Amount(resource, r.Requested) + " of " + decision.Amount(resource, r.Allocatable), latest, between(r.Day, resource)}
}

func between(r decision.Range, resource string) string {
	return decision.Amount(resource, r.Lower) + "–" + decision.Amount(resource, r.Upper)
}

// trust says how often forecasts held.
func trust(answer *decision.Nodes) (said []string) {
	if answer.Blind {
		said = append(said, "Too few nodes have recent samples: forecasts refuse and score nothing until they do, and requests decide.")
	}
	for _, r := range answer.Realised {
		all := r.Within + r.Above + r.Below
		said = append(said, fmt.Sprintf("%s: of %d hours of nodes that are over, %.1f %% stayed below the upper bound (%.0f %% were promised); %d passed it",
			r.Resource, all, 100*float64(r.Within+r.Below)/float64(all), 100*r.Promised, r.Above))
	}
	return said
}

func used(r *decision.Resources) float64 {
	if r.Used == nil {
		return -1
	}
	return *r.Used
}

func share(v, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return v / of
}

func age(seconds float64) string {
	if seconds < 0 {
		return "-"
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
