// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/argv"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/cluster"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func newKubectlCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kubectl [--dir DIR] [--] ARGS...",
		Short: "Run the kubectl that is part of this binary on the cluster",
		Long: `Run the kubectl that is part of this binary on the cluster. It talks to this cluster
whatever KUBECONFIG says, unless --kubeconfig is among the arguments.`,
		Example: `  localcluster kubectl get pods -o wide
  localcluster kubectl -- top nodes
  localcluster kubectl --dir /tmp/demo get nodes`,
		DisableFlagsInUseLine: true,
		// All flags but a leading --dir are kubectl's.
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, args, err := cluster.KubectlArgs(args, defaultDir)
			if err != nil {
				return err
			}
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			layout, err := state.NewLayout(dir)
			if err != nil {
				return err
			}
			// kustomize only reads files.
			if _, err := layout.Load(); err != nil && !(len(args) > 0 && args[0] == "kustomize") {
				if errors.Is(err, state.ErrNoCluster) {
					return fmt.Errorf("%w: run `localcluster up` first", err)
				}
				return err
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this binary: %w", err)
			}
			for variable, value := range map[string]string{
				"KUBECONFIG":   layout.Kubeconfig(),
				"KUBECACHEDIR": layout.KubectlCache(),
			} {
				if err := os.Setenv(variable, value); err != nil {
					return err
				}
			}
			// In place of this process, so that signals and the terminal are kubectl's.
			err = syscall.Exec(self, append([]string{self, argv.Subcommand, "kubectl"}, args...), os.Environ())
			return fmt.Errorf("running kubectl: %w", err)
		},
	}
}
