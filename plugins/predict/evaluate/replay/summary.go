// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Row is one line of what a replay shows: one configuration with one seed, or over all seeds, where Seed is nil.
type Row struct {
	Trace     string  `json:"trace"`
	Seed      *uint64 `json:"seed"`
	Seeds     int     `json:"seeds,omitempty"`
	Density   float64 `json:"density"`
	NodeSizes string  `json:"node_sizes"`
	Nodes     int     `json:"nodes"`
	Days      float64 `json:"days"`
	Cold      bool    `json:"cold"`
	Config    string  `json:"config"`
	Decisions float64 `json:"decisions"`
	Unplaced  float64 `json:"unplaced"`
	Measures
	// Moved is what became of moves, and RatioToUnmoved each measure over that of the configuration without moves, in the same seed, with
	// its interval; nil and empty where nobody moves pods.
	*Moved           `json:",omitempty"`
	RatioToUnmoved   map[string]float64    `json:"ratio_to_unmoved,omitempty"`
	UnmovedIntervals map[string][2]float64 `json:"ratio_to_unmoved_interval,omitempty"`
	// RatioToStock of each measure, in the same seed; over all seeds the geometric mean.
	RatioToStock map[string]float64 `json:"ratio_to_stock,omitempty"`
	// Interval holds the paired 95 % interval of each ratio over the seeds, where there are two or more.
	Interval map[string][2]float64 `json:"ratio_interval,omitempty"`
}

// Average is the mean of repeated runs.
func Average(runs []*Outcome) (decisions, unplaced float64, m Measures, moved *Moved) {
	n := float64(len(runs))
	for _, o := range runs {
		if o.Moved != nil {
			if moved == nil {
				moved = &Moved{}
			}
			for i, v := range o.Moved.counts() {
				*moved.counts()[i] += *v / n
			}
		}
		decisions, unplaced = decisions+float64(o.Decisions)/n, unplaced+float64(o.Unplaced)/n
		for i, v := range o.values() {
			*m.values()[i] += *v / n
		}
	}
	return decisions, unplaced, m, moved
}

// Ratios of a row's measures to those of another one.
func (m *Measures) Ratios(stock *Measures) map[string]float64 {
	out := map[string]float64{}
	for i, v := range m.values() {
		if ratio := (*v + measureNames[i].guard) / (*stock.values()[i] + measureNames[i].guard); !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
			out[measureNames[i].name] = ratio
		}
	}
	return out
}

// Summarise returns the row over all seeds of one configuration's rows, one a seed: means, and geometric means of ratios with
// Student's interval of their logarithms.
func Summarise(rows []Row) Row {
	out := rows[0]
	out.Seed, out.Seeds, out.Measures, out.Decisions, out.Unplaced = nil, len(rows), Measures{}, 0, 0
	n := float64(len(rows))
	for i := range rows {
		r := &rows[i]
		out.Decisions += r.Decisions / n
		out.Unplaced += r.Unplaced / n
		for k, v := range r.values() {
			*out.values()[k] += *v / n
		}
	}
	out.RatioToStock, out.Interval = overSeeds(rows, func(r *Row) map[string]float64 { return r.RatioToStock })
	if out.Moved != nil {
		out.Moved = &Moved{}
		for i := range rows {
			for k, v := range rows[i].Moved.counts() {
				*out.Moved.counts()[k] += *v / n
			}
			out.Most = max(out.Most, rows[i].Most)
		}
		out.RatioToUnmoved, out.UnmovedIntervals = overSeeds(rows, func(r *Row) map[string]float64 { return r.RatioToUnmoved })
	}
	return out
}

// overSeeds returns the geometric means of ratios over rows, and their intervals.
func overSeeds(rows []Row, of func(*Row) map[string]float64) (means map[string]float64, intervals map[string][2]float64) {
	means, intervals = map[string]float64{}, map[string][2]float64{}
	for _, m := range measureNames {
		var ratios []float64
		for i := range rows {
			if ratio := of(&rows[i])[m.name]; ratio > 0 {
				ratios = append(ratios, ratio)
			}
		}
		if len(ratios) == 0 {
			continue
		}
		mean, interval := GeometricMean(ratios)
		means[m.name] = mean
		if interval != nil {
			intervals[m.name] = *interval
		}
	}
	return means, intervals
}

// GeometricMean of ratios, each above 0, and Student's 95 % interval of their logarithms, where there are two or more.
func GeometricMean(ratios []float64) (mean float64, interval *[2]float64) {
	logs := make([]float64, len(ratios))
	for i, r := range ratios {
		logs[i] = math.Log(r)
	}
	m, deviation := stat.MeanStdDev(logs, nil)
	if n := float64(len(logs)); n > 1 {
		half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(.975) * deviation / math.Sqrt(n)
		interval = &[2]float64{math.Exp(m - half), math.Exp(m + half)}
	}
	return math.Exp(m), interval
}
