// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/cluster"
)

func newDownCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop a cluster and remove its directory",
		Long: `Stop a cluster and remove its directory, also after a crash. It is no error when
there is none.`,
		Example: "  localcluster down",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cluster.Down(dirFlag(cmd), cmd.OutOrStdout())
		},
	}
}
