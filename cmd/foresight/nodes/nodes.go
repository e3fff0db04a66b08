// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodes is foresight nodes: what nodes use, have promised, and are predicted to use.
package nodes

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

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
	leader.Flags
	sort   string
	qos    bool
	detail bool // nodes were named
}

// NewCommand returns foresight nodes.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags()}
	cmd := &cobra.Command{
		Use:   "nodes [NODE...]",
		Short: "Show what nodes use, have promised, and are predicted to use",
		Long: `Show of each node what its pods request, what it uses, and what it is predicted to use: from
the lower to the upper bound of the largest use within a day. FORECAST says where that comes
from: fresh samples, stale ones, the profile of past weeks, or requests where nothing is
known; AGE is that of the newest sample. HELD is the share of the node's past hours whose peak
of CPU, and of memory, stayed below the upper bound that was forecast when they began.

Below the table stands how often the forecasts of all nodes held, beside what was promised. Of
nodes that are named, and with -o wide, the last hours are shown that did not come out as
forecast.

With --qos the table says which service a typical pod of each objective would get on a node, as
PredictedQoS judges, and how many of the pods that were placed were predicted to lose their
service and did.`,
		Example: `  foresight nodes
  foresight nodes --sort predicted
  foresight nodes node-3 -o wide
  foresight nodes --qos`,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd.OutOrStdout(), args) },
		ValidArgsFunction: complete.Nodes(o.Config),
	}
	o.Add(cmd)
	o.Format.AddWideFlag(cmd)
	cmd.Flags().StringVar(&o.sort, "sort", "name", "name, or the fullest first by: used, requested, predicted (CPU within a day) or memory")
	cmd.Flags().BoolVar(&o.qos, "qos", false, "show which service pods would get on nodes, and how predictions of it came out")
	cmd.MarkFlagsMutuallyExclusive("qos", "sort")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(orderNames, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *options) run(ctx context.Context, out io.Writer, names []string) error {
	if !slices.Contains(orderNames, o.sort) {
		return fmt.Errorf("--sort %q: must be %s", o.sort, strings.Join(orderNames, ", "))
	}
	if o.qos {
		return o.service(ctx, out, names)
	}
	o.detail = len(names) > 0
	query := url.Values{"node": names}
	if o.detail || o.Format != output.Table {
		query.Set("misses", "true")
	}
	answer := &decision.Nodes{}
	if err := o.Leader.Get(ctx, "nodes", query, answer); err != nil {
		return err
	}
	if by := orders[o.sort]; by != nil {
		slices.SortStableFunc(answer.Nodes, func(a, b decision.Node) int { return cmp.Compare(by(&b), by(&a)) })
	}
	return output.Print(out, o.Format, answer, o.print)
}
