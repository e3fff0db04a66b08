// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report is foresight report: what predictions bring, by the pods that were held out of them.
package report

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision/compare"
)

type options struct {
	leader.Flags
}

// NewCommand returns foresight report.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags()}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Show what predictions bring, by pods that were placed without them",
		Long: `Show what predictions bring on your cluster. With heldOutPercent in the args of ResourceFit the
scheduler places that share of the pods by requests, as if nothing were predicted. The report
holds what became of these pods' nodes against what became of the other pods'. The intervals are
95 % ones, over the hours in which pods were placed. See docs/use/report.md.

It asks the leader of the schedulers, which it finds by its Lease, with the credentials of the
kubeconfig. The ClusterRole foresight-reader says what a user needs for that.`,
		Example: `  foresight report
  foresight report -o yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.Add(cmd)
	o.Format.AddFlag(cmd)
	return cmd
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	report := &compare.Report{}
	if err := o.Leader.Get(ctx, "comparison", nil, report); err != nil {
		return err
	}
	return output.Print(out, o.Format, report, write)
}

// write is the report for people.
func write(out io.Writer, r *compare.Report) error {
	if r.HeldOut.Pods == 0 && r.Predicted.Pods == 0 {
		_, err := fmt.Fprintln(out, "There is nothing to compare: no pod that was decided on with heldOutPercent, in the args of ResourceFit, was measured since.")
		return err
	}
	fmt.Fprintf(out, "Pods that were placed in the last %d h, each followed for a day at most:\n\n", int(r.Time.Sub(r.Since)/time.Hour)+1)
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "PLACED BY\tPODS\tDAYS\tHOT MINUTES A DAY\tCORE-MINUTES BEYOND 80 % A DAY")
	for _, arm := range []struct {
		name string
		of   *compare.Arm
	}{{"requests", &r.HeldOut}, {"predictions", &r.Predicted}} {
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\n", arm.name, arm.of.Pods, arm.of.Days, arm.of.Hot, arm.of.Beyond)
	}
	fmt.Fprintf(table, "ratio\t\t\t%s\t%s\n", ratio(r, &r.Hot), ratio(r, &r.Beyond))
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n", verdict(r))
	return err
}

// ratio is told with its interval where enough has been seen.
func ratio(r *compare.Report, d *compare.Difference) string {
	if d.Ratio == nil {
		return "-"
	}
	if i := d.RatioInterval; r.Enough && i != nil {
		return fmt.Sprintf("%.2f (%.2f–%.2f)", *d.Ratio, i[0], i[1])
	}
	return fmt.Sprintf("%.2f", *d.Ratio)
}

// verdict says in words what is shown.
func verdict(r *compare.Report) string {
	i := r.Hot.GainInterval
	switch {
	case !r.Enough || i == nil:
		return fmt.Sprintf("Too early to tell: it takes %d pods placed in each way, and %d hours with both.", compare.EnoughPods, compare.EnoughHours)
	case i[0] > 0:
		return fmt.Sprintf("Predictions help: a pod's node is hot for %.1f to %.1f minutes a day less.", i[0], i[1])
	case i[1] < 0:
		return fmt.Sprintf("Predictions harm: a pod's node is hot for %.1f to %.1f minutes a day more.", -i[1], -i[0])
	}
	return "No difference is shown: the interval holds 0."
}
