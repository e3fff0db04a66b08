// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package model is foresight model: models of the service that pods get, trained, shown and judged.
package model

import "github.com/spf13/cobra"

// NewCommand returns foresight model.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Train, show and judge models of the service that pods get",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTrainCommand(), newShowCommand(), newEvalCommand())
	return cmd
}
