// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/backtest"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/baseline"
)

var (
	ourStyle   = draw.LineStyle{Color: color.RGBA{R: 0xc0, G: 0x10, B: 0x20, A: 0xff}, Width: 2}
	truthStyle = draw.LineStyle{Color: color.Gray{Y: 0x40}, Width: 1}
	bestStyle  = draw.LineStyle{Color: color.RGBA{G: 0x60, B: 0xb0, A: 0xff}, Width: 1, Dashes: []vg.Length{4, 2}}
)

// baselineStyle tells baseline k from the others by colour and, since those are few, by dashes.
func baselineStyle(k int) draw.LineStyle {
	colors := []color.RGBA{ // Okabe and Ito's, distinct to the colour-blind
		{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, {R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, {R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
		{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, {R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, {R: 0x60, G: 0x60, B: 0x60, A: 0xff},
	}
	dashes := [][]vg.Length{nil, {5, 3}, {1.5, 2}}
	return draw.LineStyle{Color: colors[k%len(colors)], Width: 1, Dashes: dashes[k/len(colors)%len(dashes)]}
}

// drawing is a plot with the legend beside it, where it hides nothing.
type drawing struct {
	plot   *plot.Plot
	legend plot.Legend
}

func newDrawing(x, y string) *drawing {
	d := &drawing{plot: plot.New(), legend: plot.NewLegend()}
	d.plot.X.Label.Text, d.plot.Y.Label.Text = x, y
	d.legend.Top, d.legend.Left, d.legend.YPosition = true, true, draw.PosCenter
	d.legend.Padding = 4
	for _, s := range []*text.Style{
		&d.plot.X.Label.TextStyle, &d.plot.Y.Label.TextStyle, &d.plot.X.Tick.Label, &d.plot.Y.Tick.Label, &d.legend.TextStyle,
	} {
		s.Font.Variant, s.Font.Size = "Sans", 9
	}
	d.plot.Add(plotter.NewGrid())
	return d
}

func (d *drawing) line(name string, points plotter.XYs, style draw.LineStyle) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	line.LineStyle = style
	d.plot.Add(line)
	d.legend.Add(name, line)
	return nil
}

// svg returns the drawing as an svg element. Its text is escaped by vgsvg.
func (d *drawing) svg(width, height vg.Length) (template.HTML, error) {
	const legendWidth = 120
	canvas := vgsvg.New(width, height)
	whole := draw.New(canvas)
	d.plot.Draw(draw.Crop(whole, 0, -legendWidth, 0, 0))
	d.legend.Draw(draw.Crop(whole, width-legendWidth+6, 0, 0, 0))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return "", err
	}
	// What stands before the element, the XML declaration, has no place inside a page.
	element := out.Bytes()[bytes.Index(out.Bytes(), []byte("<svg")):]
	return template.HTML(element), nil
}

// drawCurves draws savings against violation, with a dot where a method stands by itself.
func drawCurves(rows []backtest.Result) (template.HTML, error) {
	d := newDrawing("violation, %", "savings, %")
	for _, r := range rows {
		style := ourStyle
		if r.Method != backtest.Method {
			style = baselineStyle(max(0, slices.Index(baseline.Names(), r.Method)))
		}
		var points plotter.XYs
		for _, p := range r.Curve {
			if p.Violation > 0 { // the axis is logarithmic
				points = append(points, plotter.XY{X: 100 * p.Violation, Y: 100 * p.Savings})
			}
		}
		if len(points) == 0 {
			continue
		}
		if err := d.line(r.Method, points, style); err != nil {
			return "", err
		}
		if r.Violation < backtest.LeastViolation || r.Violation > backtest.MostViolation {
			continue
		}
		dot, err := plotter.NewScatter(plotter.XYs{{X: 100 * r.Violation, Y: 100 * r.Savings}})
		if err != nil {
			return "", fmt.Errorf("%s: %w", r.Method, err)
		}
		dot.GlyphStyle = draw.GlyphStyle{Color: style.Color, Radius: 3, Shape: draw.CircleGlyph{}}
		d.plot.Add(dot)
	}
	x := &d.plot.X
	x.Min, x.Max, x.Scale = 100*backtest.LeastViolation, 100*backtest.MostViolation, plot.LogScale{}
	var ticks plot.ConstantTicks
	for _, v := range []float64{.1, .2, .5, 1, 2, 5, 10, 20} {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
	}
	x.Tick.Marker = ticks
	return d.svg(620, 320)
}

// drawExample draws what came and what ours and the best baseline had forecast for machine i.
func drawExample(ours, best *backtest.Result, i int) (template.HTML, error) {
	d := newDrawing("day of the trace", "% of the limit")
	e := ours.Examples[i]
	for _, l := range []struct {
		name   string
		values []float64
		style  draw.LineStyle
	}{
		{"the peak that came", e.Peaks, truthStyle},
		{best.Method, best.Examples[i].Forecasts, bestStyle},
		{ours.Method, e.Forecasts, ourStyle},
	} {
		points := make(plotter.XYs, len(e.Hours))
		for k, hour := range e.Hours {
			points[k] = plotter.XY{X: float64(hour) / 24, Y: 100 * l.values[k]}
		}
		if err := d.line(l.name, points, l.style); err != nil {
			return "", err
		}
	}
	d.plot.Y.Min = 0
	return d.svg(760, 200)
}
