// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/cluster"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func newUpCommand() *cobra.Command {
	var options cluster.Options
	memory := resource.QuantityValue{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a cluster and wait until it is ready",
		Long: `Start a cluster and wait until it is ready. Its processes go on after the command
ends. Where a cluster runs already, nothing is done.

With --real the nodes are real: each has kubelet, containerd, runc and kube-proxy, CPUs
and memory of its own, and runs containers, in namespaces and control groups that ` + "`down`" + `
removes again. This needs root and Debian packages; it says which ones and asks before it
installs them. The nodes share a network with the control plane that has no link to the
machine's, so images come with the nodes: ` + "`foresight.local/workload:dev`" + ` is one.

The Foresight scheduler runs as the service account, with the rights and with the
configuration that --manifests brings into the cluster.`,
		Example: `  localcluster up
  localcluster up --real
  localcluster up --nodes 100 --without foresight-scheduler
  localcluster up --dir /tmp/demo --apiserver-port 6443`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Dir = dirFlag(cmd)
			options.NodeMemory = memory.Value()
			if options.Real && !cmd.Flags().Changed("nodes") {
				options.Nodes = 2
			}
			return cluster.Up(cmd.Context(), options, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&options.Nodes, "nodes", 10, "number of nodes (2 with --real)")
	flags.BoolVar(&options.Real, "real", false, "real nodes with containers in place of simulated ones; needs root")
	flags.Var(&memory, "node-memory", "memory of a real node, such as 2Gi (half of the machine's, divided, by default)")
	flags.StringVar(&options.WorkloadBinary, "workload-binary", "bin/workload", "static binary to put into the image that real nodes have")
	flags.BoolVarP(&options.Yes, "yes", "y", false, "install the packages that real nodes need without asking")
	flags.StringSliceVar(&options.Without, "without", nil, "components to leave out, of "+strings.Join(state.OptionalNames(), ", "))
	flags.StringVar(&options.SchedulerBinary, "scheduler-binary", "bin/foresight-scheduler", "the Foresight scheduler")
	flags.StringVar(&options.SchedulerImage, "scheduler-image", "", "OCI archive of the Foresight scheduler, by the name in --manifests (make image): with --real, it runs in pods and not as a process")
	flags.StringVar(&options.APIServerBinary, "kube-apiserver-binary", "", "a kube-apiserver of another release than the one that is built in")
	flags.StringVar(&options.Manifests, "manifests", "manifests/base", "kustomize directory to apply before the Foresight scheduler starts")
	flags.IntVar(&options.APIServerPort, "apiserver-port", 0, "port of the API server (a free one by default)")
	flags.DurationVar(&options.UsageInterval, "usage-interval", 10*time.Second, "how often metrics-server asks the nodes for usage, at least 10s")
	flags.StringVar(&options.AuditPolicy, "audit-policy", "", "audit policy of the API server, which then writes logs/audit.log in the cluster's directory")
	flags.DurationVar(&options.Timeout, "timeout", 5*time.Minute, "how long the start may take")
	_ = cmd.RegisterFlagCompletionFunc("without", cobra.FixedCompletions(state.OptionalNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
