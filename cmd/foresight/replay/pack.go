// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"io"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// packedRow is how few nodes one configuration does with, in one world or over all, where Seed is nil.
type packedRow struct {
	Trace     string  `json:"trace"`
	Seed      *uint64 `json:"seed"`
	Density   float64 `json:"density"`
	NodeSizes string  `json:"node_sizes"`
	Config    string  `json:"config"`
	// Bound on the minutes over 90 % CPU, a day and node of those that the world was made with.
	Bound float64 `json:"hot90_bound"`
	Nodes float64 `json:"nodes"`
	// Enough is false where even twice the nodes were too few, in any world.
	Enough       bool        `json:"enough"`
	RatioToStock float64     `json:"ratio_to_stock"`
	Interval     *[2]float64 `json:"ratio_interval,omitempty"`
}

// packAll returns the rows of all cells.
func (o *options) packAll(ctx context.Context, cells []cell, configs []*replay.Config, progress func(float64, string)) ([]packedRow, error) {
	var rows []packedRow
	for i, c := range cells {
		worlds, err := playCell(ctx, o, c, configs, o.packSeed, func(done float64, what string) {
			progress((float64(i)+done)/float64(len(cells)), what)
		})
		if err != nil {
			return nil, err
		}
		for _, w := range worlds {
			rows = append(rows, w...)
		}
		for j := range configs {
			all := worlds[0][j]
			all.Seed, all.Nodes, all.Enough = nil, 0, true
			var ratios []float64
			for _, w := range worlds {
				ratios = append(ratios, w[j].RatioToStock)
				all.Nodes += w[j].Nodes / float64(len(worlds))
				all.Enough = all.Enough && w[j].Enough
			}
			all.RatioToStock, all.Interval = replay.GeometricMean(ratios)
			rows = append(rows, all)
		}
	}
	return rows, nil
}

func (o *options) packSeed(ctx context.Context, cell cell, seed uint64, configs []*replay.Config, tell func(*replay.Config, int)) (rows []packedRow, err error) {
	settings := o.world(seed, cell)
	w, err := world.FromTrace(cell.bundle, settings)
	if err != nil {
		return nil, err
	}
	for _, c := range configs {
		row := packedRow{Trace: cell.name, Seed: &seed, Density: cell.density, NodeSizes: cell.sizes, Config: c.Name, Bound: o.pack, Enough: true}
		for draw := range uint64(o.repeats) {
			p, err := replay.Pack(ctx, w, c, settings.Mixed, o.pack, replay.Options{From: settings.From, Cold: o.cold, Draw: draw, Progress: func(float64) { tell(c, 0) }})
			if err != nil {
				return nil, err
			}
			row.Nodes += float64(p.Nodes) / float64(o.repeats)
			row.Enough = row.Enough && p.Enough
			tell(c, 1)
		}
		stock := row.Nodes
		if len(rows) > 0 {
			stock = rows[0].Nodes
		}
		row.RatioToStock = row.Nodes / stock
		rows = append(rows, row)
	}
	return rows, nil
}

func printPacked(out io.Writer, rows []packedRow) error {
	table := printers.GetNewTabWriter(out)
	title := ""
	for i := range rows {
		r := &rows[i]
		if r.Seed != nil {
			continue
		}
		if t := fmt.Sprintf("%s, %s nodes, pods of a density of %.2f: nodes for at most %.4g minutes over 90 %% CPU, a node and day", r.Trace, r.NodeSizes, r.Density, r.Bound); t != title {
			if title != "" {
				fmt.Fprintln(table)
			}
			title = t
			fmt.Fprintln(table, t)
			fmt.Fprintln(table, "CONFIG\tNODES\tRATIO")
		}
		nodes := fmt.Sprintf("%.1f", r.Nodes)
		if !r.Enough {
			nodes = "more than " + nodes
		}
		interval := ""
		if r.Interval != nil && r.Config != replay.Stock {
			interval = fmt.Sprintf(" (%.2f–%.2f)", r.Interval[0], r.Interval[1])
		}
		fmt.Fprintf(table, "%s\t%s\t%.2f%s\n", r.Config, nodes, r.RatioToStock, interval)
	}
	return table.Flush()
}
