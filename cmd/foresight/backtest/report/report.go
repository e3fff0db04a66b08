// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report draws a backtest as one HTML page that needs nothing but itself.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/backtest"
)

//go:embed page.html
var page string

// Mark is in the head of every report.
const Mark = "<title>Foresight: backtest on "

// section is one resource and horizon.
type section struct {
	Rows     []backtest.Result // the best first
	Baseline string            // the best of them
	Curves   template.HTML
	Examples []template.HTML
}

// Write writes the page of a backtest's results, of which there is at least one, and the options that led to them.
func Write(out io.Writer, results []backtest.Result, options backtest.Options) error {
	var sections []section
	for _, rows := range backtest.Groups(results) {
		s, err := newSection(rows)
		if err != nil {
			return fmt.Errorf("draw %s, %d h: %w", rows[0].Resource, rows[0].HorizonHours, err)
		}
		sections = append(sections, s)
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"percent": func(digits int, share float64) string { return fmt.Sprintf("%.*f", digits, 100*share) },
		"rate":    func(share float64) string { return fmt.Sprintf("%.3g", 100*share) },
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(out, map[string]any{
		"Trace": results[0].Trace, "Options": options, "Ours": backtest.Method, "Sections": sections,
	})
}

func newSection(rows []backtest.Result) (section, error) {
	s := section{Rows: rows}
	var ours, best *backtest.Result
	for i := range rows {
		switch r := &rows[i]; {
		case r.Method == backtest.Method:
			ours = r
		case best == nil:
			best = r
		}
	}
	var err error
	if s.Curves, err = drawCurves(rows); err != nil || ours == nil || best == nil {
		return s, err
	}
	s.Baseline = best.Method
	for i := range ours.Examples {
		svg, err := drawExample(ours, best, i)
		if err != nil {
			return s, err
		}
		s.Examples = append(s.Examples, svg)
	}
	return s, nil
}
