// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/interference"
)

func newEvalCommand() *cobra.Command {
	var dir string
	var format output.Format
	cmd := &cobra.Command{
		Use:   "eval --data DIR",
		Short: "Judge the QoS model on measurements of a service beside neighbours it never saw",
		Long: `Leave one kind of neighbour out at a time, learn from the others, and say which rows of the
one left out violate the service's objective. Once nothing of it was seen, once the first
10 % of its rows in time order were; the rest is judged.

A violation is a latency over 3 times the median latency of the service alone at equal load
(within 5 %). Rows at a load at which the service was never alone have no label and are not
judged.

A data set is a folder with one CSV file per kind of neighbour, with the columns time,
request_rate, own_web_cpu_pct, own_db_cpu_pct, host_cpu_pct, host_mem_pct,
interferer_intensity, latency_ms; a folder of such folders is judged one by one. Methods
see the rate, the service's CPU and the machine's CPU of a row and of earlier ones, never
the neighbour's intensity or a latency; see docs/design/quality.md.`,
		Example: `  foresight model eval --data ./interference
  foresight model eval --data ./interference -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sets, err := interference.ReadAll(dir)
			if err != nil {
				return err
			}
			for _, set := range sets {
				for _, k := range set.Kinds {
					if k.Dropped > 0 {
						fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s: %d rows without a usable time, rate, intensity or latency are left out\n", set.Name, k.Name, k.Dropped)
					}
				}
			}
			results, err := interference.Run(cmd.Context(), sets, output.Progress(cmd.ErrOrStderr()))
			if err != nil {
				return err
			}
			return output.Print(cmd.OutOrStdout(), format, results, printEval)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "data", "", "folder of the data set")
	format.AddFlag(cmd)
	_ = cmd.MarkFlagRequired("data")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// printEval writes a table for each kind that was left out and each share of it that was seen.
func printEval(out io.Writer, results []interference.Result) error {
	table := printers.GetNewTabWriter(out)
	for i, r := range results {
		if i == 0 || r.Data != results[i-1].Data || r.HeldOut != results[i-1].HeldOut || r.SeenFraction != results[i-1].SeenFraction {
			if i > 0 {
				fmt.Fprintln(table)
			}
			fmt.Fprintf(table, "%s, %s left out, %.0f %% of it seen: %d rows judged, %d violations, %d without label\n",
				r.Data, r.HeldOut, 100*r.SeenFraction, r.Rows, r.Violations, r.Unlabelled)
			fmt.Fprintln(table, "METHOD\tAUC\tBRIER\tECE\tADMITTED AT 5% VIOLATIONS\tNOTE")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Method, figure(r.AUC), figure(r.Brier), figure(r.ECE), figure(r.Admitted), r.Note)
	}
	return table.Flush()
}

func figure(v interference.Number) string {
	if math.IsNaN(float64(v)) {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(v))
}
