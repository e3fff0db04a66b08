// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

// Result is how a method fares on a kind of neighbour, or a service, that was left out of training.
type Result struct {
	Data    string `json:"data"`
	Service string `json:"service"`
	// LeftOut is what was: a kind, whose neighbours are the other kinds of its data set, or a service, for which methods learn
	// from data sets of other services only.
	LeftOut LeftOut `json:"left_out"`
	HeldOut string  `json:"held_out"` // name of the kind or the service
	// SeenFraction of the rows that are held out, the first in time, was learned from; the rest is judged.
	SeenFraction float64 `json:"seen_fraction"`
	Method       string  `json:"method"`
	// AUC, and AUC minus that of host-cpu on the same rows, with bootstrapped 95 % intervals.
	AUC              Number `json:"auc"`
	AUCLow           Number `json:"auc_low"`
	AUCHigh          Number `json:"auc_high"`
	AUCMinusHost     Number `json:"auc_minus_host_cpu"`
	AUCMinusHostLow  Number `json:"auc_minus_host_cpu_low"`
	AUCMinusHostHigh Number `json:"auc_minus_host_cpu_high"`
	Brier            Number `json:"brier"`
	ECE              Number `json:"ece"`
	// ECEAfter so many outcomes, the first in time, were learned from, on the rows after them. Only with SeenFraction 0; null where half
	// of the rows are fewer.
	ECEAfter20   Number `json:"ece_after_20"`
	ECEAfter100  Number `json:"ece_after_100"`
	ECEAfter1000 Number `json:"ece_after_1000"`
	// ECEFrom100 is that of all rows after the first 100 outcomes, by a model that goes on learning: each row is foretold by what was
	// learned before it, and whenever there are twice as many outcomes all of them are learned from. Missing where ECEAfter100 is.
	ECEFrom100 Number `json:"ece_from_100"`
	// Admitted is the largest share of the rows that can be admitted, lowest risk first, with at most 5 % violations.
	Admitted   Number `json:"admitted_at_5pct"`
	Rows       int    `json:"rows"`
	Violations int    `json:"violations"`
	// Unlabelled rows have no measurement of the service alone at equal load, and are not judged.
	Unlabelled int `json:"unlabelled"`
	// Note says why a figure is missing.
	Note string `json:"note,omitempty"`
}

// LeftOut is what was left out of training.
type LeftOut string

// What can be left out.
const (
	KindLeftOut    LeftOut = "kind"
	ServiceLeftOut LeftOut = "service"
)

// Number is a float64 whose NaN is null in JSON.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// SeenFractions are the shares of the held-out rows that methods may learn from.
var SeenFractions = []float64{0, .1}

// admittedLimit is the share of violations among what is admitted.
const admittedLimit = .05

// Run leaves each kind of each data set out in turn, and then each service. progress is told of the share that is done.
func Run(ctx context.Context, sets []DataSet, progress func(float64, string)) ([]Result, error) {
	folds := foldsOf(sets)
	var results []Result
	for i := range folds {
		f := &folds[i]
		progress(float64(i)/float64(len(folds)), fmt.Sprintf("%s: without %s", f.data, f.heldOut))
		for _, seen := range SeenFractions {
			rows, err := f.results(ctx, seen)
			if err != nil {
				return nil, err
			}
			results = append(results, rows...)
		}
	}
	return results, nil
}

// fold is what is held out, and what methods may learn from.
type fold struct {
	data, service, heldOut string
	leftOut                LeftOut
	held                   stream
	// groups are other kinds, or the kinds of each other service taken together. Not one is empty.
	groups []*classify.Data
}

func foldsOf(sets []DataSet) []fold {
	all := make([][]prepared, len(sets))
	services := map[string]*classify.Data{}
	var names []string
	for i := range sets {
		for k := range sets[i].Kinds {
			all[i] = append(all[i], prepare(&sets[i].Kinds[k]))
		}
		if services[sets[i].Service] == nil {
			services[sets[i].Service] = &classify.Data{X: make([][]float64, featureCount)}
			names = append(names, sets[i].Service)
		}
		for k := range all[i] {
			services[sets[i].Service].Append(all[i][k].labelled(), 1)
		}
	}
	var folds []fold
	for i := range sets {
		for out := range all[i] {
			f := fold{data: sets[i].Name, service: sets[i].Service, heldOut: all[i][out].kind.Name, leftOut: KindLeftOut, held: streamOf(all[i][out : out+1])}
			for k := range all[i] {
				if g := all[i][k].labelled(); k != out && g.Len() > 0 {
					f.groups = append(f.groups, g)
				}
			}
			folds = append(folds, f)
		}
	}
	for i := range sets {
		f := fold{data: sets[i].Name, service: sets[i].Service, heldOut: sets[i].Service, leftOut: ServiceLeftOut, held: streamOf(all[i])}
		for _, name := range names {
			if g := services[name]; name != sets[i].Service && g.Len() > 0 {
				f.groups = append(f.groups, g)
			}
		}
		folds = append(folds, f)
	}
	return folds
}

// results of all methods, that learned from the groups and from a share of what is held out.
func (f *fold) results(ctx context.Context, fraction float64) ([]Result, error) {
	cut := int(fraction * float64(len(f.held.places)))
	seen, test := f.held.split(cut)
	base := f.base(cut, test)
	base.SeenFraction = fraction
	results := make([]Result, len(methods))
	var ranks [][]float64 // by log-odds, which rounding does not make equal
	var judged []int
	against := -1
	for i, m := range methods {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &results[i]
		*r = base
		r.Method = m.name
		if note := f.cannot(m, seen, test); note != "" {
			r.Note = note
			continue
		}
		z := m.logOdds(f.groups, seen, test)
		p := risks(z)
		r.AUC, r.Brier, r.ECE = Number(metrics.AUC(z, test.Y)), Number(metrics.Brier(p, test.Y)), Number(metrics.ECE(p, test.Y))
		r.Admitted = Number(metrics.Admitted(z, test.Y, admittedLimit))
		if m.name == hostCPUName {
			against = len(ranks)
		}
		ranks, judged = append(ranks, z), append(judged, i)
		if fraction == 0 {
			r.ECEAfter20, r.ECEAfter100, r.ECEAfter1000 = f.eceAfter(m, 20), f.eceAfter(m, 100), f.eceAfter(m, 1000)
			r.ECEFrom100 = f.eceFrom(m, 100)
		}
	}
	if len(ranks) == 0 {
		return results, nil
	}
	auc, minus := metrics.Bootstrap(ranks, test.Y, max(against, 0))
	for k, i := range judged {
		r := &results[i]
		r.AUCLow, r.AUCHigh = Number(auc[k].Low), Number(auc[k].High)
		if against >= 0 {
			r.AUCMinusHost, r.AUCMinusHostLow, r.AUCMinusHostHigh = r.AUC-results[judged[against]].AUC, Number(minus[k].Low), Number(minus[k].High)
		}
	}
	return results, nil
}

// base is a result of no method yet.
func (f *fold) base(cut int, test *classify.Data) Result {
	nan := Number(math.NaN())
	r := Result{
		Data: f.data, Service: f.service, LeftOut: f.leftOut, HeldOut: f.heldOut, Rows: test.Len(), Unlabelled: len(f.held.places) - cut - test.Len(),
		AUC: nan, AUCLow: nan, AUCHigh: nan, AUCMinusHost: nan, AUCMinusHostLow: nan, AUCMinusHostHigh: nan,
		Brier: nan, ECE: nan, ECEAfter20: nan, ECEAfter100: nan, ECEAfter1000: nan, ECEFrom100: nan, Admitted: nan,
	}
	for _, y := range test.Y {
		r.Violations += int(y)
	}
	switch {
	case test.Len() == 0:
		r.Note = "no row has a label: the service alone was not measured at equal load"
	case r.Violations == 0:
		r.Note = "no violations, so nothing to rank"
	case r.Violations == test.Len():
		r.Note = "violations only, so nothing to rank"
	}
	return r
}

// cannot says why a method cannot be judged, or "".
func (f *fold) cannot(m method, seen, test *classify.Data) string {
	switch {
	case test.Len() == 0:
		return "no row has a label: the service alone was not measured at equal load"
	case m.needsHost && !f.held.has("host_cpu_pct"):
		return "no column host_cpu_pct"
	case m.learns && len(f.groups) == 0 && seen.Len() == 0:
		return "nothing to learn from: no other " + string(f.leftOut)
	}
	return ""
}

func (f *fold) eceAfter(m method, outcomes int) Number {
	cut := f.held.after(outcomes)
	if cut < 0 {
		return Number(math.NaN())
	}
	seen, test := f.held.split(cut)
	if f.cannot(m, seen, test) != "" {
		return Number(math.NaN())
	}
	return Number(metrics.ECE(risks(m.logOdds(f.groups, seen, test)), test.Y))
}

// eceFrom is the calibration error of a method that learns as it goes, test then train, from so many outcomes on.
func (f *fold) eceFrom(m method, outcomes int) Number {
	var p, y []float64
	for cut := f.held.after(outcomes); cut >= 0; {
		seen, test := f.held.split(cut)
		if f.cannot(m, seen, test) != "" {
			return Number(math.NaN())
		}
		outcomes *= 2
		cut = f.held.after(outcomes)
		if cut >= 0 { // until then
			_, later := f.held.split(cut)
			test = test.Between(0, test.Len()-later.Len())
		}
		p, y = append(p, risks(m.logOdds(f.groups, seen, test))...), append(y, test.Y...)
	}
	if len(p) == 0 {
		return Number(math.NaN())
	}
	return Number(metrics.ECE(p, y))
}

func risks(logOdds []float64) []float64 {
	p := make([]float64, len(logOdds))
	for i, z := range logOdds {
		p[i] = classify.Sigmoid(z)
	}
	return p
}
