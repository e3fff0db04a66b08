// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/cluster"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func newUpCommand() *cobra.Command {
	var options cluster.Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster and wait until it is ready",
		Long: `Start a cluster and wait until it is ready. Its processes go on after the command
ends. Where a cluster runs already, nothing is done.

The Foresight scheduler runs as the service account, with the rights and with the
configuration that --manifests brings into the cluster.`,
		Example: `  localcluster up
  localcluster up --nodes 100 --without foresight-scheduler
  localcluster up --dir /tmp/demo --apiserver-port 6443`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Dir = dirFlag(cmd)
			return cluster.Up(cmd.Context(), options, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&options.Nodes, "nodes", 10, "number of simulated nodes")
	flags.StringSliceVar(&options.Without, "without", nil, "components to leave out, of "+strings.Join(state.OptionalNames(), ", "))
	flags.StringVar(&options.SchedulerBinary, "scheduler-binary", "bin/foresight-scheduler", "the Foresight scheduler")
	flags.StringVar(&options.Manifests, "manifests", "manifests/base", "kustomize directory to apply before the Foresight scheduler starts")
	flags.IntVar(&options.APIServerPort, "apiserver-port", 0, "port of the API server (a free one by default)")
	flags.DurationVar(&options.UsageInterval, "usage-interval", 10*time.Second, "how often metrics-server asks the nodes for usage, at least 10s")
	flags.DurationVar(&options.Timeout, "timeout", 5*time.Minute, "how long the start may take")
	_ = cmd.RegisterFlagCompletionFunc("without", cobra.FixedCompletions(state.OptionalNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
