// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shadow is foresight shadow: what a scheduler that looks on would have done.
package shadow

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
)

// lease of the shipped onlooker.
const lease = "foresight-shadow/foresight-shadow"

// mostWorkloads that an onlooker lists.
const mostWorkloads = 1000

type options struct {
	leader.Flags
	workloads int
}

// NewCommand returns foresight shadow.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "See what Foresight would do on your cluster before it places anything",
		Long: `See what Foresight would do on your cluster before it places anything. An onlooker
(manifests/components/shadow) decides about every pod that the default scheduler places, as if
it were its own, and follows what becomes of both nodes. See docs/use/shadow.md.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newReport())
	return cmd
}

func newReport() *cobra.Command {
	o := &options{Flags: leader.NewFlagsFor(lease)}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Show how often an onlooker agrees, and what became of the pods where it does not",
		Long: `Show how often an onlooker agrees with the scheduler that places pods, and for the pods where it
does not, how long both nodes were over 80 % CPU: as it was, and as it would have been with that
one pod on the other node. The interval is a 95 % one over workloads.

It asks the onlooker, which it finds by its Lease, with the credentials of the kubeconfig. The
ClusterRole foresight-reader-shadow says what a user needs for that.`,
		Example: `  foresight shadow report
  foresight shadow report --workloads 50 -o yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.Add(cmd)
	o.Format.AddFlag(cmd)
	cmd.Flags().IntVar(&o.workloads, "workloads", 10, "workloads to list, those with the largest differences first")
	return cmd
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	if o.workloads < 1 || o.workloads > mostWorkloads {
		return fmt.Errorf("--workloads: %d: want 1 to %d", o.workloads, mostWorkloads)
	}
	report := &shadow.Report{}
	if err := o.Leader.Get(ctx, "shadow", url.Values{"workloads": {strconv.Itoa(o.workloads)}}, report); err != nil {
		return err
	}
	return output.Print(out, o.Format, report, write)
}
