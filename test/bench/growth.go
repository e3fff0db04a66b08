// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// growth is how the cost of a pod is measured against one size of the cluster.
type growth struct {
	nodes, podsPerNode []int
	limit              time.Duration
	plots              string
}

// point is what one variant took per pod, by CPU time, in a cluster of one size.
type point struct {
	variant            string
	nodes, podsPerNode int
	cpu, p50           float64 // µs
}

// The sizes that stay fixed while the other one grows.
const (
	growthNodes       = 2000
	growthPodsPerNode = 5
)

func newGrowthCommand() *cobra.Command {
	g := growth{}
	cmd := &cobra.Command{
		Use:   "growth",
		Short: "Measure the cost of a pod against nodes and against pods per node, and plot it",
		Long: "Measure the CPU time that one pod of the mix varied costs, against the number of nodes\n" +
			fmt.Sprintf("(with %d pods each) and against the pods per node (on %d nodes), for Foresight and stock.\n", growthPodsPerNode, growthNodes) +
			"One run a point.",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.IntSliceVar(&g.nodes, "nodes", []int{1000, 2000, 5000, 10000, 20000, 50000}, "numbers of nodes")
	f.IntSliceVar(&g.podsPerNode, "pods-per-node", []int{1, 10, 25, 50, 75}, "pods that every node has before")
	f.DurationVar(&g.limit, "limit", 2*time.Second, "the most that one run may take, without building its cluster")
	f.StringVar(&g.plots, "plots", "", "folder to write benchmarks-nodes.svg and benchmarks-pods.svg to")
	return cmd
}

func (g *growth) run(ctx context.Context, out, progress io.Writer) error {
	var byNodes, byPods []point
	for _, nodes := range g.nodes {
		points, err := g.measure(ctx, progress, nodes, growthPodsPerNode)
		if err != nil {
			return err
		}
		byNodes = append(byNodes, points...)
	}
	for _, pods := range g.podsPerNode {
		points, err := g.measure(ctx, progress, growthNodes, pods)
		if err != nil {
			return err
		}
		byPods = append(byPods, points...)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODES\tPODS/NODE\tVARIANT\tCPU µS/POD\tP50 µS")
	for _, p := range append(append([]point{}, byNodes...), byPods...) {
		fmt.Fprintf(t, "%d\t%d\t%s\t%.0f\t%.0f\n", p.nodes, p.podsPerNode, p.variant, p.cpu, p.p50)
	}
	if err := t.Flush(); err != nil || g.plots == "" {
		return err
	}
	if err := plotPoints(filepath.Join(g.plots, "benchmarks-nodes.svg"), "nodes", byNodes, func(p point) int { return p.nodes }); err != nil {
		return err
	}
	return plotPoints(filepath.Join(g.plots, "benchmarks-pods.svg"), "pods per node", byPods, func(p point) int { return p.podsPerNode })
}

func (g *growth) measure(ctx context.Context, progress io.Writer, nodes, podsPerNode int) ([]point, error) {
	const mix = "varied"
	c := synthetic.New(nodes, podsPerNode, 5000, mix)
	var out []point
	for _, v := range []string{foresight, stock} {
		m, err := runOnce(ctx, c, trial{variant: v, mix: mix, limit: g.limit})
		if err != nil {
			return nil, fmt.Errorf("%d nodes, %d pods per node, variant %s: %w", nodes, podsPerNode, v, err)
		}
		fmt.Fprintf(progress, "%d nodes, %d pods per node: %-10s %.0f µs of CPU per pod\n", nodes, podsPerNode, v, micros(m.cpuPerPod))
		out = append(out, point{variant: v, nodes: nodes, podsPerNode: podsPerNode, cpu: micros(m.cpuPerPod), p50: micros(m.p50)})
	}
	return out, nil
}

// plotPoints draws a line a variant, with both axes logarithmic: a slope of one is a cost in
// proportion.
func plotPoints(file, label string, points []point, size func(point) int) error {
	p := plot.New()
	p.Title.Text = "CPU time of one pod"
	p.X.Label.Text, p.Y.Label.Text = label, "µs"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for _, variant := range []string{foresight, stock} {
		var line plotter.XYs
		for _, pt := range points {
			if pt.variant == variant {
				line = append(line, plotter.XY{X: float64(size(pt)), Y: pt.cpu})
			}
		}
		if err := plotutil.AddLinePoints(p, variant, line); err != nil {
			return err
		}
	}
	return p.Save(6*vg.Inch, 4*vg.Inch, file)
}
