// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

func newShowCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:     "show FILE",
		Short:   "Say what a model file holds and how it fared, or why it cannot be used",
		Example: "  foresight model show model.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, card, err := quality.Load(args[0], &quality.Placement)
			if err != nil {
				return err
			}
			return output.Print(cmd.OutOrStdout(), format, &card, func(out io.Writer, card *quality.Card) error { return printModel(out, m, card) })
		},
	}
	format.AddFlag(cmd)
	return cmd
}

func printModel(out io.Writer, m *quality.Model, card *quality.Card) error {
	table := printers.GetNewTabWriter(out)
	row := func(name string, value any) { fmt.Fprintf(table, "%s\t%v\n", name, value) }
	number := func(name string, v *float64) {
		if v == nil {
			row(name, "-")
		} else {
			row(name, fmt.Sprintf("%.3f", *v))
		}
	}
	row("Trained", card.Trained.Format(time.RFC3339))
	row("Data", card.Origin)
	row("Observations", card.Observations)
	row("Violations", card.Violations)
	row("Schema", card.SchemaHash)
	number("AUC, on kinds left out", card.AUC)
	number("AUC of utilisation alone", card.PlainAUC)
	number("Brier score", card.Brier)
	number("Calibration error", card.ECE)
	row("Trust in the members", fmt.Sprintf("%.2f", m.Trust))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nRisk of a pod that uses 5 % of the node, by what the node uses with it:")
	t, slab := quality.NewTable(m), quality.Slab{}
	t.For(.05, &slab)
	fmt.Fprintln(table, "NODE CPU\tPRESSURE UNKNOWN\t0\t0.25\t0.5")
	for _, cpu := range []float32{.2, .4, .6, .7, .8, .9, 1} {
		fmt.Fprintf(table, "%.0f%%", 100*cpu)
		for _, pressure := range []float32{float32(math.NaN()), 0, .25, .5} {
			fmt.Fprintf(table, "\t%.3f", quality.Probability(slab.LogOdds(cpu, pressure)))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
