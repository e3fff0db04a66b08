// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/pressure"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func newPressureCommand() *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "pressure",
		Short: "Show the pressure (PSI) of real nodes and their pods",
		Long: `Show pressure stall information of real nodes and their pods: the share of the last 10
and 60 seconds in which some task waited, in percent. It is read from control groups of
cgroup v2, also where v2 is only mounted beside v1; there kubelet reports zeros. With
-o json the answer is a list in the form of kubelet's Summary API, /stats/summary.`,
		Example: "  localcluster pressure",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			layout, err := layoutOf(cmd)
			if err != nil {
				return err
			}
			summaries, err := pressures(layout)
			if err != nil {
				return err
			}
			if err := namePods(cmd.Context(), layout, summaries); err != nil {
				return err
			}
			return output.Print(cmd.OutOrStdout(), format, summaries, printPressures)
		},
	}
	format.AddFlag(cmd)
	return cmd
}

func pressures(l state.Layout) ([]*stats.Summary, error) {
	saved, err := l.Load()
	if err != nil {
		return nil, err
	}
	if !saved.Real {
		return nil, errors.New("this cluster's nodes are simulated, and feel no pressure")
	}
	hierarchies, err := isolate.Hierarchies()
	if err != nil {
		return nil, err
	}
	var summaries []*stats.Summary
	for _, c := range saved.Components {
		node, err := realnode.Load(l, c.Name)
		if err != nil || !c.Running() {
			continue // Not a node, or not now.
		}
		for _, h := range hierarchies {
			if !h.V2() {
				continue
			}
			summary, err := pressure.Of(filepath.Join(h.Mount, node.Cgroup), node.Name, time.Now())
			if err != nil {
				return nil, err
			}
			summaries = append(summaries, summary)
		}
	}
	if len(summaries) == 0 {
		return nil, pressure.ErrNone
	}
	return summaries, nil
}

// namePods adds what only the API knows of pods.
func namePods(ctx context.Context, l state.Layout, summaries []*stats.Summary) error {
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	known := map[string]stats.PodReference{}
	for _, p := range pods.Items {
		known[string(p.UID)] = stats.PodReference{Name: p.Name, Namespace: p.Namespace, UID: string(p.UID)}
	}
	for _, s := range summaries {
		for i := range s.Pods {
			if ref, ok := known[s.Pods[i].PodRef.UID]; ok {
				s.Pods[i].PodRef = ref
			}
		}
	}
	return nil
}

func printPressures(out io.Writer, summaries []*stats.Summary) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NODE\tPOD\tCPU 10s\tCPU 60s\tMEMORY 60s\tIO 60s")
	row := func(node, pod string, cpu *stats.CPUStats, memory *stats.MemoryStats, io *stats.IOStats) {
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\n", node, pod,
			cpu.PSI.Some.Avg10, cpu.PSI.Some.Avg60, memory.PSI.Some.Avg60, io.PSI.Some.Avg60)
	}
	for _, s := range summaries {
		row(s.Node.NodeName, "", s.Node.CPU, s.Node.Memory, s.Node.IO)
		for _, p := range s.Pods {
			row(s.Node.NodeName, p.PodRef.Namespace+"/"+p.PodRef.Name, p.CPU, p.Memory, p.IO)
		}
	}
	return table.Flush()
}
