// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"context"
	"encoding/json"
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/quality/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/learn"
)

// Result is how a method fares on a kind of neighbour that was left out of training.
type Result struct {
	Data    string `json:"data"`
	HeldOut string `json:"held_out"`
	// SeenFraction of the kind's rows, the first in time, was learned from; the rest is judged.
	SeenFraction float64 `json:"seen_fraction"`
	Method       string  `json:"method"`
	AUC          Number  `json:"auc"`
	Brier        Number  `json:"brier"`
	ECE          Number  `json:"ece"`
	// Admitted is the largest share of the rows that can be admitted, lowest risk first, with at most 5 % violations.
	Admitted   Number `json:"admitted_at_5pct"`
	Rows       int    `json:"rows"`
	Violations int    `json:"violations"`
	// Unlabelled rows have no measurement of the service alone at equal load, and are not judged.
	Unlabelled int `json:"unlabelled"`
	// Note says why a figure is missing.
	Note string `json:"note,omitempty"`
}

// Number is a float64 whose NaN is null in JSON.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// SeenFractions are the shares of the new kind's rows that methods may learn from.
var SeenFractions = []float64{0, .1}

// admittedLimit is the share of violations among what is admitted.
const admittedLimit = .05

// Run leaves each kind of each data set out in turn. progress is told of the share that is done.
func Run(ctx context.Context, sets []DataSet, progress func(float64, string)) ([]Result, error) {
	var results []Result
	kinds, done := 0, 0
	for _, set := range sets {
		kinds += len(set.Kinds)
	}
	for _, set := range sets {
		prepared := make([]prepared, len(set.Kinds))
		for k := range set.Kinds {
			prepared[k] = prepare(&set.Kinds[k])
		}
		for out := range set.Kinds {
			for _, seen := range SeenFractions {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				progress(float64(done)/float64(kinds), set.Name+": without "+set.Kinds[out].Name)
				results = append(results, leaveOut(set.Name, prepared, out, seen)...)
			}
			done++
		}
	}
	return results, nil
}

// prepared is a kind with its features and labels.
type prepared struct {
	kind *Kind
	x    [][]float64
	y    []float64 // NaN where there is no label
}

func prepare(k *Kind) prepared { return prepared{k, features(k.Rows), labels(k.Rows)} }

// between is the labelled rows from..to, with the labels y.
func (p *prepared) between(from, to int, y []float64) *learn.Data {
	d := &learn.Data{X: make([][]float64, featureCount)}
	row := make([]float64, featureCount)
	for i := from; i < to; i++ {
		if math.IsNaN(y[i]) {
			continue
		}
		for j := range row {
			row[j] = p.x[j][i]
		}
		d.Add(row, y[i], 1)
	}
	return d
}

func leaveOut(name string, kinds []prepared, out int, fraction float64) []Result {
	held := &kinds[out]
	n := len(held.y)
	cut := int(fraction * float64(n))
	var seen *learn.Data
	var groups []*learn.Data
	if cut > 0 {
		// What was seen is labelled from what was seen: the service alone, later, is not known yet.
		seen = held.between(0, cut, labels(held.kind.Rows[:cut]))
	}
	for k := range kinds {
		if g := kinds[k].between(0, len(kinds[k].y), kinds[k].y); k != out && len(g.Y) > 0 {
			groups = append(groups, g)
		}
	}
	test := held.between(cut, n, held.y)
	base := Result{Data: name, HeldOut: held.kind.Name, SeenFraction: fraction, Rows: len(test.Y), Unlabelled: n - cut - len(test.Y)}
	for _, y := range test.Y {
		base.Violations += int(y)
	}
	switch {
	case len(test.Y) == 0:
		base.Note = "no row has a label: the service alone was not measured at equal load"
	case base.Violations == 0:
		base.Note = "no violations, so nothing to rank"
	case base.Violations == len(test.Y):
		base.Note = "violations only, so nothing to rank"
	}
	var results []Result
	for _, m := range methods {
		r := base
		r.Method = m.name
		nan := Number(math.NaN())
		r.AUC, r.Brier, r.ECE, r.Admitted = nan, nan, nan, nan
		risk := m.risk
		switch {
		case len(test.Y) == 0:
		case m.needsHost && !held.kind.Columns["host_cpu_pct"]:
			r.Note = "no column host_cpu_pct"
		case m.learns && len(groups) == 0 && (seen == nil || len(seen.Y) == 0):
			r.Note = "nothing to learn from"
		default:
			p := risk(groups, seen, test)
			r.AUC, r.Brier, r.ECE = Number(judge.AUC(p, test.Y)), Number(judge.Brier(p, test.Y)), Number(judge.ECE(p, test.Y))
			r.Admitted = Number(judge.Admitted(p, test.Y, admittedLimit))
		}
		results = append(results, r)
	}
	return results
}
