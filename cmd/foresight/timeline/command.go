// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package timeline

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"github.com/foresight-scheduler/foresight/cmd/internal/complete"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
)

// NewCommand returns foresight timeline.
func NewCommand() *cobra.Command {
	config := genericclioptions.NewConfigFlags(true)
	var format output.Format
	cmd := &cobra.Command{
		Use:     "timeline POD",
		Aliases: []string{"trace"}, // its name until --trace came to be a recording of usage
		Short:   "Show the steps of a pod's life with their times, and where it stands still",
		Long: `Show the six steps of a pod's life with their times, on any cluster: created, seen by the
scheduler, bound, taken by the kubelet, sandbox ready, and running, succeeded or failed.

The times come from the pod's conditions, its containers' statuses and its events. The API
keeps most of them in whole seconds, and events for an hour; what nobody wrote down is
shown as "-".`,
		Example: `  foresight timeline web-0
  foresight timeline web-0 -n shop -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Pods(config),
		RunE: func(cmd *cobra.Command, args []string) error {
			life, err := lifeOf(cmd.Context(), config, args[0])
			if err != nil {
				return err
			}
			return output.Print(cmd.OutOrStdout(), format, life, printLife)
		},
	}
	config.AddFlags(cmd.Flags())
	format.AddFlag(cmd)
	return cmd
}

func lifeOf(ctx context.Context, config *genericclioptions.ConfigFlags, name string) (*Life, error) {
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	restConfig, err := config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return nil, err
	}
	pod, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading pod %s/%s: %w", namespace, name, err)
	}
	events, err := client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("involvedObject.uid", string(pod.UID)).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("reading the events of pod %s/%s: %w", namespace, name, err)
	}
	life := Of(pod, events.Items)
	return &life, nil
}

func printLife(out io.Writer, life *Life) error {
	fmt.Fprintf(out, "%s/%s, scheduled by %s, is %s\n\n", life.Namespace, life.Pod, life.Scheduler, life.Phase)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "STEP\tTIME\tAFTER\tDETAIL\tSOURCE")
	for _, s := range life.Steps {
		at, after := "-", "-"
		if s.Time != nil {
			at, after = s.Time.Format(time.TimeOnly), fmt.Sprintf("%.1fs", *s.Seconds)
		}
		fmt.Fprintf(table, "%d %s\t%s\t%s\t%s\t%s\n", s.Number, s.Name, at, after, dash(s.Detail), dash(s.Source))
	}
	return table.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
