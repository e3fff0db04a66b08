// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/supervise"
)

func newRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run -- COMMAND",
		Short: "Run a command in the network of a cluster with real nodes",
		Long: `Run a command in the network of a cluster with real nodes, beside the control plane:
from there pods and the ports of nodes are reached by their addresses.`,
		Example: "  localcluster run -- bin/workload get http://172.30.0.10:30080",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, err := layoutOf(cmd)
			if err != nil {
				return err
			}
			saved, err := layout.Load()
			if err != nil {
				return err
			}
			if !saved.Real {
				return errors.New("only clusters with real nodes have a network of their own")
			}
			network, err := supervise.NewRecord(layout, saved).Network()
			if err != nil {
				return err
			}
			child := exec.CommandContext(cmd.Context(), args[0], args[1:]...)
			child.Stdin, child.Stdout, child.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := isolate.Within(network, child.Start); err != nil {
				return err
			}
			return child.Wait()
		},
	}
}
