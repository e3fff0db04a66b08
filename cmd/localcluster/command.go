// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/internal/buildinfo"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// defaultDir is where a cluster lives unless --dir says otherwise.
const defaultDir = ".localcluster"

// errReported is the error of a command that has already told what is wrong.
var errReported = errors.New("reported")

func newCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "localcluster",
		Short: "A Kubernetes cluster with simulated nodes on this machine",
		Long: `localcluster starts upstream's etcd, API server, controller manager, scheduler and
metrics-server, kwok's simulated nodes, and the Foresight scheduler, all as processes
of this user that listen on the loopback interface only. It needs neither containers
nor a network nor root. Everything it writes is in one directory.

Pods on simulated nodes run without a container. What a pod's containers use is what
the pod's annotations kwok.x-k8s.io/usage-cpu and kwok.x-k8s.io/usage-memory say, each
of them that much; they may be changed at any time.`,
		Example: `  localcluster up --nodes 20
  export KUBECONFIG=$PWD/.localcluster/kubeconfig
  localcluster kubectl get nodes
  localcluster status
  localcluster down`,
		Version:       buildinfo.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().String("dir", defaultDir, "directory of the cluster's state")
	_ = cmd.MarkPersistentFlagDirname("dir")
	cmd.AddCommand(
		newUpCommand(),
		newStatusCommand(),
		newDownCommand(),
		newStopCommand(),
		newStartCommand(),
		newLogsCommand(),
		newImageCommand(),
		newSBOMCommand(),
		newKubectlCommand(),
		newPressureCommand(),
		newRunCommand(),
	)
	return cmd
}

func dirFlag(cmd *cobra.Command) string {
	dir, _ := cmd.Flags().GetString("dir")
	return dir
}

func layoutOf(cmd *cobra.Command) (state.Layout, error) {
	return state.NewLayout(dirFlag(cmd))
}
