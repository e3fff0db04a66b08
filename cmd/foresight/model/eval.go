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
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/interference"
)

func newEvalCommand() *cobra.Command {
	var dirs []string
	var format output.Format
	cmd := &cobra.Command{
		Use:   "eval --data DIR",
		Short: "Judge the QoS model on measurements beside neighbours, and of services, that it never saw",
		Long: `Leave one kind of neighbour out at a time, learn from the other kinds of the same data set,
and say which rows of the one left out violate the service's objective. Then leave one service
out at a time, and learn from the data sets of other services only. Once nothing of what is
left out was seen, once the first 10 % of its rows in time order were; the rest is judged.

A violation is a latency over 3 times the median latency of the service alone at equal load
(within 5 %). Rows at a load at which the service was never alone have no label and are not
judged.

A data set is a folder with one CSV file per kind of neighbour, with the columns time,
request_rate, own_web_cpu_pct, own_db_cpu_pct, host_cpu_pct, host_mem_pct,
interferer_intensity, latency_ms. --data names a data set or a folder of data sets, and can be
given several times. A data set is of the service that its file "service" names, else its folder:
interference-nginx and interference-nginx-two-hosts are both of nginx.

Methods see the rate, the service's CPU and the machine's CPU of a row and of earlier ones,
never the neighbour's intensity or a latency; see docs/design/quality.md. In brackets are
bootstrapped 95 % intervals; those of differences are paired. ECE AFTER N is the calibration
error after the first N outcomes, of the rows that follow.`,
		Example: `  foresight model eval --data ./interference-acmeair --data ./interference-nginx
  foresight model eval --data ./interference -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sets, err := interference.ReadAll(dirs, passedOver(cmd.ErrOrStderr()))
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
	flags.StringArrayVar(&dirs, "data", nil, "folder of a data set, or of data sets; can be given several times")
	format.AddFlag(cmd)
	_ = cmd.MarkFlagRequired("data")
	_ = cmd.MarkFlagDirname("data")
	return cmd
}

// passedOver tells of folders that are no data sets.
func passedOver(out io.Writer) func(folder string) {
	return func(folder string) { fmt.Fprintf(out, "%s holds a trace of usage and is left out\n", folder) }
}

// printEval writes a table for each kind or service that was left out and each share of it that was seen.
func printEval(out io.Writer, results []interference.Result) error {
	table := printers.GetNewTabWriter(out)
	for i, r := range results {
		if i == 0 || r.Data != results[i-1].Data || r.LeftOut != results[i-1].LeftOut || r.HeldOut != results[i-1].HeldOut || r.SeenFraction != results[i-1].SeenFraction {
			if i > 0 {
				fmt.Fprintln(table)
			}
			fmt.Fprintf(table, "%s, %s %s left out, %.0f %% of it seen: %d rows judged, %d violations, %d without label\n",
				r.Data, r.LeftOut, r.HeldOut, 100*r.SeenFraction, r.Rows, r.Violations, r.Unlabelled)
			fmt.Fprint(table, "METHOD\tAUC\tMINUS HOST-CPU\tBRIER\tECE")
			if r.SeenFraction == 0 {
				fmt.Fprint(table, "\tECE AFTER 20\t100\t1000\tFROM 100")
			}
			fmt.Fprintln(table, "\tADMITTED AT 5% VIOLATIONS\tNOTE")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s", r.Method, within(r.AUC, r.AUCLow, r.AUCHigh, "%.3f"),
			within(r.AUCMinusHost, r.AUCMinusHostLow, r.AUCMinusHostHigh, "%+.3f"), figure(r.Brier), figure(r.ECE))
		if r.SeenFraction == 0 {
			fmt.Fprintf(table, "\t%s\t%s\t%s\t%s", figure(r.ECEAfter20), figure(r.ECEAfter100), figure(r.ECEAfter1000), figure(r.ECEFrom100))
		}
		fmt.Fprintf(table, "\t%s\t%s\n", figure(r.Admitted), r.Note)
	}
	return table.Flush()
}

// within is a figure with its interval.
func within(v, low, high interference.Number, format string) string {
	if math.IsNaN(float64(v)) {
		return "-"
	}
	return fmt.Sprintf(format+" ("+format+" to "+format+")", float64(v), float64(low), float64(high))
}

func figure(v interference.Number) string {
	if math.IsNaN(float64(v)) {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(v))
}
