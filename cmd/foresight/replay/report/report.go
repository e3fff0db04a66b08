// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report draws a replay as one HTML page that needs nothing but itself.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
)

//go:embed page.html
var page string

// Mark is in the head of every report.
const Mark = "<title>Foresight: replay of decisions</title>"

// Cell is one trace at one density: the rows over all seeds, stock first, and what became of the first world.
type Cell struct {
	Rows     []replay.Row
	Outcomes []*replay.Outcome
}

// Write writes the page of a replay.
func Write(out io.Writer, cells []Cell) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"heat": heat, "curves": curves, "color": color,
		"ratio": func(r replay.Row, name string) string {
			s := fmt.Sprintf("%.2f", r.RatioToStock[name])
			if in, ok := r.Interval[name]; ok && r.Config != replay.Stock {
				s += fmt.Sprintf(" (%.2f–%.2f)", in[0], in[1])
			}
			return s
		},
		"aday": func(r replay.Row, minutes float64) string {
			return fmt.Sprintf("%.1f", minutes/float64(r.Nodes)/r.Days)
		},
		"percent": func(share float64) string { return fmt.Sprintf("%.0f", 100*share) },
		"at": func(d time.Duration) string {
			return fmt.Sprintf("day %d, %02d:%02d", d/(24*time.Hour)+1, d/time.Hour%24, d/time.Minute%60)
		},
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(out, cells)
}

// color of the i-th configuration: Okabe and Ito's, distinct to the colour-blind.
func color(i int) template.CSS {
	return template.CSS([]string{"#404040", "#c01020", "#0072b2", "#e69f00", "#009e73", "#56b4e9", "#cc79a7"}[i%7])
}

// heat draws each node's highest CPU demand of each hour: light up to 60 % of it, red at 80 and black from 120 on.
func heat(o *replay.Outcome) template.HTML {
	const width, height = 6, 9
	var b strings.Builder
	hours := 0
	for i, node := range o.Heat {
		hours = max(hours, len(node))
		for h, share := range node {
			if share <= .6 {
				continue
			}
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, h*width, i*height, width, height-1, shade(float64(share)))
		}
	}
	return template.HTML(fmt.Sprintf(`<svg width="%d" height="%d" viewBox="0 0 %d %d"><rect width="100%%" height="100%%" fill="#f4f4f4"/>%s</svg>`,
		hours*width, len(o.Heat)*height, hours*width, len(o.Heat)*height, b.String()))
}

func shade(share float64) string {
	switch {
	case share <= .8: // white to orange
		x := (share - .6) / .2
		return fmt.Sprintf("rgb(255,%d,%d)", int(235-85*x), int(215-175*x))
	case share <= 1: // orange to red
		x := (share - .8) / .2
		return fmt.Sprintf("rgb(%d,%d,20)", int(230-30*x), int(90-80*x))
	default: // red to black
		x := min(1, (share-1)/.2)
		return fmt.Sprintf("rgb(%d,0,0)", int(160-140*x))
	}
}

// curves draws, for each configuration, the share of node hours whose highest demand passes x.
func curves(outcomes []*replay.Outcome) template.HTML {
	const width, height, left, bottom, most = 620.0, 260.0, 40.0, 30.0, 1.5
	var b strings.Builder
	x := func(share float64) float64 { return left + (width-left)*share/most }
	y := func(part float64) float64 { return (height - bottom) * (1 - part) }
	for part := 0; part <= 4; part++ {
		at := y(float64(part) / 4)
		fmt.Fprintf(&b, `<line x1="%v" x2="%v" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="2" y="%.1f" font-size="11">%d %%</text>`, left, width, at, at, at+10, 25*part)
	}
	for share := 0; share <= 150; share += 20 {
		fmt.Fprintf(&b, `<text x="%.1f" y="%v" font-size="11" text-anchor="middle">%d</text>`, x(float64(share)/100), height-bottom+14, share)
	}
	fmt.Fprintf(&b, `<text x="%v" y="%v" font-size="11">CPU demand, %% of the node</text>`, width/2-60, height-2)
	for i, o := range outcomes {
		var all []float32
		for _, node := range o.Heat {
			all = append(all, node...)
		}
		slices.Sort(all)
		var points strings.Builder
		for k, share := range all {
			fmt.Fprintf(&points, "%.1f,%.1f ", x(min(most, float64(share))), y(1-float64(k)/float64(len(all))))
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`, color(i), points.String())
	}
	return template.HTML(fmt.Sprintf(`<svg width="%v" height="%v" viewBox="0 0 %v %v">%s</svg>`, width, height, width, height, b.String()))
}
