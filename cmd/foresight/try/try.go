// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package try is foresight try: a workload applied, and what was decided about it.
package try

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
)

type options struct {
	genericiooptions.IOStreams
	config    *genericclioptions.ConfigFlags
	files     []string
	output    output.Format
	scheduler string
	timeout   time.Duration
}

// NewCommand returns foresight try.
func NewCommand() *cobra.Command {
	o := &options{config: genericclioptions.NewConfigFlags(true)}
	cmd := &cobra.Command{
		Use:   "try -f FILE",
		Short: "Apply a workload and show where each of its pods went, how long that took, and why some wait",
		Long: `Apply a workload for real, wait until every pod of it is decided about, and show the
decisions: the node of each placed pod with the time from the pod's creation
to its binding as seen from here, and the reasons of each pod that waits. A CronJob is
also started once, as kubectl create job --from does. Nothing is removed afterwards.

Exits with 1 where a pod is not decided about within the timeout; a pod that cannot be
placed, and says why, is a decision.`,
		Example: `  foresight try -f manifests/examples/first-workload.yaml
  foresight try -f my-app/ -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.IOStreams = genericiooptions.IOStreams{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), ErrOut: cmd.ErrOrStderr()}
			return o.run(cmd.Context())
		},
	}
	o.config.AddFlags(cmd.Flags())
	cmd.Flags().StringSliceVarP(&o.files, "filename", "f", nil, "files, directories or - with the workload's manifests")
	o.output.AddFlag(cmd)
	cmd.Flags().StringVar(&o.scheduler, "scheduler", "", "wait for and show only pods with this schedulerName")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long to wait for decisions")
	_ = cmd.MarkFlagRequired("filename")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
	return cmd
}

func (o *options) run(ctx context.Context) error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %s: must be positive", o.timeout)
	}
	o.config.WithDeprecatedPasswordFlag()
	restConfig, err := o.config.ToRESTConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return err
	}
	workload, err := readWorkload(o.config, o.files)
	if err != nil {
		return err
	}

	// 1. Watch before applying, so that no pod is born unseen.
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	w, err := watchPods(ctx, client, workload)
	if err != nil {
		return err
	}
	// 2. Apply, and wait for the decisions.
	if err := workload.apply(ctx, o.ErrOut); err != nil {
		return err
	}
	waitErr := w.wait(ctx, client, o.scheduler, o.ErrOut)
	// 3. Show them, also the ones there are when time ran out.
	placements := w.placements(o.scheduler)
	if len(placements) == 0 && waitErr == nil {
		fmt.Fprintln(o.ErrOut, "the workload makes no pods")
	}
	return cmp.Or(waitErr, output.Print(o.Out, o.output, placements, printTable))
}
