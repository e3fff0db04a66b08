// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package backtest is foresight backtest: the peak forecasts judged on a usage trace.
package backtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/foresight/backtest/report"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/cmd/internal/ownfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/backtest"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// NewCommand returns foresight backtest.
func NewCommand() *cobra.Command {
	var dir, file string
	var format output.Format
	var options backtest.Options
	cmd := &cobra.Command{
		Use:   "backtest --trace DIR",
		Short: "Judge the peak forecasts on a usage trace, beside the baselines",
		Long: `Replay a usage trace through the forecaster and through the baselines of the field, and
compare what each would save at the same rate of violations.

A machine is a random group of workloads. Each hour a method forecasts the machine's peak
over the next 1 h and 24 h from the past only. It learns from one half of the workloads in
the first part of the time and is judged on the other half in the rest. A violation is a
decision whose real peak passed the forecast; savings are 1 − Σforecast/Σlimit. "At 1 %"
gives each method the one multiplier that puts it at 1 % violations, found on the training
part or, flattering it, on the judged part itself.

A trace is a folder with trace.json, workloads.csv and a CSV of usage per resource; see
docs/use/traces.md.`,
		Example: `  foresight backtest --trace ./my-trace
  foresight backtest --trace ./my-trace --seed 7 --swap -o json
  foresight backtest --trace ./my-trace --report report.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file != "" {
				if err := ownfile.CheckWritable(file, report.Mark); err != nil {
					return fmt.Errorf("--report: %w", err)
				}
			}
			bundle, err := trace.Read(dir)
			if err != nil {
				return err
			}
			results, err := backtest.Run(cmd.Context(), bundle, options, output.Progress(cmd.ErrOrStderr()))
			if few := (*backtest.TooFewError)(nil); errors.As(err, &few) {
				return fmt.Errorf("%s: %w: --group %d would do, and a recording of pods (foresight record --what pods) has more workloads than one of nodes", dir, err, max(1, few.Workloads/2))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", dir, err)
			}
			if len(results) == 0 {
				return fmt.Errorf("%s holds %s, which is too short to learn from and to judge on, or has too many gaps, for any of the horizons", dir,
					time.Duration(bundle.Steps*bundle.IntervalSeconds)*time.Second)
			}
			if file != "" {
				if err := writeReport(file, results, options); err != nil {
					return fmt.Errorf("--report: %w", err)
				}
			}
			return output.Print(cmd.OutOrStdout(), format, results, printTable)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "trace", "", "folder of the trace")
	format.AddFlag(cmd)
	flags.StringVar(&file, "report", "", "HTML file to write the tables and plots to as well; a file that is no such report is left alone")
	flags.Uint64Var(&options.Seed, "seed", 0, "seed of the draws of machines")
	flags.IntVar(&options.Machines, "machines", 200, "machines to judge")
	flags.IntVar(&options.Group, "group", 25, "workloads of a machine")
	flags.IntVar(&options.TrainGroups, "train-groups", 400, "random groups of workloads to learn from")
	flags.BoolVar(&options.Swap, "swap", false, "learn from the second half of the workloads and judge on the first")
	flags.BoolVar(&options.Random, "random-halves", false, "halve the workloads at random, by the seed")
	flags.IntSliceVar(&options.Horizons, "horizons", []int{1, 24}, "hours to forecast")
	flags.Float64Var(&options.Violation, "violation", .01, "rate of violations at which methods are compared")
	_ = cmd.MarkFlagRequired("trace")
	_ = cmd.MarkFlagDirname("trace")
	_ = cmd.MarkFlagFilename("report", "html")
	return cmd
}

// printTable writes a table for each resource and horizon, the best at equal
// violations first.
func printTable(out io.Writer, results []backtest.Result) error {
	table := printers.GetNewTabWriter(out)
	for i, group := range backtest.Groups(results) {
		if i > 0 {
			fmt.Fprintln(table)
		}
		first := group[0]
		fmt.Fprintf(table, "%s, %s, peak of the next %d h, %d decisions (in %%)\n", first.Trace, first.Resource, first.HorizonHours, first.Decisions)
		fmt.Fprintln(table, "METHOD\tVIOLATION\tBY\tSAVINGS\tCOVERAGE\tLOWER HOLDS\tSAVINGS AT 1% (TRAIN)\tSAVINGS AT 1% (TEST)\t90% INTERVAL")
		for _, r := range group {
			lower := "-"
			if r.Method == backtest.Method {
				lower = fmt.Sprintf("%.1f", 100*r.LowerHolds)
			}
			fmt.Fprintf(table, "%s\t%.2f\t%.1f\t%.1f\t%.2f\t%s\t%.1f\t%.1f\t%.1f–%.1f\n", r.Method, 100*r.Violation, 100*r.Severity, 100*r.Savings,
				100*r.Coverage, lower, 100*r.TrainScaled, 100*r.TestScaled, 100*r.TestScaledInterval[0], 100*r.TestScaledInterval[1])
		}
	}
	return table.Flush()
}

func writeReport(file string, results []backtest.Result, options backtest.Options) error {
	var page bytes.Buffer
	if err := report.Write(&page, results, options); err != nil {
		return err
	}
	return os.WriteFile(file, page.Bytes(), 0o644)
}
