// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/health"
)

func newStatusCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the components and whether they are healthy",
		Long: `Show the components and whether they are healthy. The exit status is 1 when one is
not, when a node is not ready, and when there is no cluster.`,
		Example: `  localcluster status
  localcluster status -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			layout, err := layoutOf(cmd)
			if err != nil {
				return err
			}
			report, err := health.NewReport(cmd.Context(), layout)
			if err != nil {
				return err
			}
			err = output.Print(cmd.OutOrStdout(), format, report, func(out io.Writer, r *health.Report) error { return r.Print(out) })
			if err == nil && !report.Healthy {
				err = errReported
			}
			return err
		},
	}
	format.AddFlag(cmd)
	return cmd
}
