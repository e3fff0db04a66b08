// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/cluster"
)

func newStopCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "stop NAME",
		Short:             "Stop one component, to see what the others do",
		Example:           "  localcluster stop metrics-server",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := layoutOf(cmd)
			if err != nil {
				return err
			}
			return cluster.StopComponent(layout, args[0], cmd.OutOrStdout())
		},
	}
}

func newStartCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:               "start NAME",
		Short:             "Start a stopped or dead component again as it was",
		Example:           "  localcluster start metrics-server",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := layoutOf(cmd)
			if err != nil {
				return err
			}
			return cluster.StartComponent(cmd.Context(), layout, args[0], timeout, cmd.OutOrStdout())
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long the start may take")
	return cmd
}

func newLogsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print a component's log",
		Example: `  localcluster logs kube-apiserver
  localcluster logs -f foresight-scheduler`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := layoutOf(cmd)
			if err != nil {
				return err
			}
			return cluster.CopyLog(cmd.Context(), layout, args[0], follow, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is added, until interrupted")
	return cmd
}

// completeNames offers the components this cluster has.
func completeNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	layout, err := layoutOf(cmd)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	state, err := layout.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, c := range state.Components {
		names = append(names, c.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
