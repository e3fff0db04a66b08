// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// plotRows draws the medians of the latency, one group of points a neighbourhood.
func plotRows(file string, rows []row) error {
	p := plot.New()
	p.Title.Text = "A service's median latency, by its node and its neighbour's"
	p.Y.Label.Text = "p50, ms"
	p.Y.Min = 0
	var names []string
	for i, k := range kinds(rows) {
		points := plotter.XYs{}
		for _, v := range values(rows, k, p50) {
			points = append(points, plotter.XY{X: float64(i), Y: v})
		}
		scatter, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		colour := 0
		if k.burner == k.node {
			colour = 1
		}
		scatter.GlyphStyle.Color, scatter.GlyphStyle.Shape = plotutil.Color(colour), plotutil.Shape(colour)
		scatter.GlyphStyle.Radius = vg.Points(4)
		p.Add(scatter)
		names = append(names, k.node+"\nburner: "+orNone(k.burner))
	}
	p.NominalX(names...)
	p.Add(plotter.NewGrid())
	return p.Save(8*vg.Inch, 4*vg.Inch, file)
}
