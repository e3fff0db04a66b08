// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// Report says what an onlooker has seen.
type Report struct {
	// Since when it looks on, and Time of the report.
	Since time.Time `json:"since"`
	Time  time.Time `json:"time"`
	// Schedulers whose pods it looks at, and the Profile that it decides by.
	Schedulers []string `json:"schedulers"`
	Profile    string   `json:"profile"`
	Counts     Counts   `json:"counts"`
	// Results counts decisions by their result.
	Results map[Result]int `json:"results"`
	// Together is what became of all nodes.
	Together Together `json:"together"`
	// Horizons say what became of the pods whose nodes differ, within one hour and one day.
	Horizons []Horizon `json:"horizons"`
	// Workloads with the largest differences, by the longest horizon.
	Workloads []Row `json:"workloads"`
	// MoreWorkloads are not listed.
	MoreWorkloads int `json:"moreWorkloads"`
	// Realised says how forecasts of nodes came out; empty before any has.
	Realised []decision.Realised `json:"realised,omitempty"`
	Cost     Cost                `json:"cost"`
}

// Horizon is what became of the pods whose nodes differ, within so many hours, as sums over the pods.
type Horizon struct {
	// Pods that were measured, of so many Workloads.
	Pods      int `json:"pods"`
	Workloads int `json:"workloads"`
	// Ongoing are followed still: neither is the horizon over, nor are they gone.
	Ongoing int `json:"ongoing"`
	Came
	// HotMinutes and OverCoreMinutes are the gain.
	HotMinutes      Estimate `json:"hotMinutesGained"`
	OverCoreMinutes Estimate `json:"overCoreMinutesGained"`
	// Enough has been seen for intervals to mean something.
	Enough bool `json:"enough"`
}

// Estimate of a gain: positive is less with ours.
type Estimate struct {
	Sum  float64 `json:"sum"`
	Mean float64 `json:"mean"`
	// Interval of the sum, and of the mean over pods, at 95 %; absent where there are too few workloads.
	SumInterval  *[2]float64 `json:"sumInterval,omitempty"`
	MeanInterval *[2]float64 `json:"meanInterval,omitempty"`
}

// Row is what became of one workload.
type Row struct {
	Workload
	// Decided pods, and those that Differ.
	Decided int `json:"decided"`
	Differ  int `json:"differ"`
	// Pods that were measured.
	Pods int `json:"pods"`
	Came
	Gain Load `json:"gain"`
}

// Cost of the process since it began.
type Cost struct {
	CPUSeconds float64 `json:"cpuSeconds"`
	// Bytes of memory that are resident.
	Bytes float64 `json:"bytes"`
	// Requests to the API server, by method.
	Requests map[string]float64 `json:"requests"`
}

const (
	// EnoughPods and EnoughWorkloads must have been measured before an interval is taken seriously. Fewer clusters than some twenty make
	// such intervals too narrow (Cameron, Gelbach and Miller, Review of Economics and Statistics 90, 2008).
	EnoughPods      = 30
	EnoughWorkloads = 20
)

// Report sums up, with at most so many workloads by name.
func (l *Ledger) Report(now time.Time, most int) *Report {
	l.lock.Lock()
	defer l.lock.Unlock()
	horizons := len(l.options.Horizons)
	r := &Report{Since: l.since, Time: now, Counts: l.counted(), Results: map[Result]int{}, Horizons: make([]Horizon, horizons)}
	all := map[Workload]*sums{}
	for w, s := range l.sums {
		sum := &sums{results: s.results, gone: make([]Came, horizons), pods: make([]int, horizons)}
		copy(sum.gone, s.gone)
		copy(sum.pods, s.pods)
		all[w] = sum
	}
	for _, e := range l.records {
		s := all[e.Workload]
		if s == nil {
			s = all[others]
		}
		for i := range e.Came {
			s.add(i, &e.Came[i], horizons)
			if !e.Ended && now.Sub(e.Time) <= l.options.Horizons[i] {
				r.Horizons[i].Ongoing++
			}
		}
	}
	r.Together = l.own.report()
	gains := make([][]cluster, horizons)
	for w, s := range all {
		for i, result := range Results {
			r.Results[result] += s.results[i]
		}
		for i := range s.gone {
			h := &r.Horizons[i]
			h.Hours = l.options.Horizons[i].Hours()
			if s.pods[i] == 0 {
				continue
			}
			h.Pods += s.pods[i]
			h.Workloads++
			h.plus(&s.gone[i])
			gains[i] = append(gains[i], cluster{s.pods[i], s.gone[i].Gain()})
		}
		last := horizons - 1
		if s.pods[last] > 0 {
			row := Row{Workload: w, Differ: s.results[slices.Index(Results, Differs)], Pods: s.pods[last], Came: s.gone[last], Gain: s.gone[last].Gain()}
			for _, n := range s.results {
				row.Decided += n
			}
			r.Workloads = append(r.Workloads, row)
		}
	}
	for i := range r.Horizons {
		h := &r.Horizons[i]
		h.HotMinutes = estimate(gains[i], Load.hotMinutes)
		h.OverCoreMinutes = estimate(gains[i], Load.overCoreMinutes)
		h.Enough = h.Pods >= EnoughPods && h.Workloads >= EnoughWorkloads
	}
	slices.SortFunc(r.Workloads, func(a, b Row) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Gain.HotMinutes), math.Abs(a.Gain.HotMinutes)), cmp.Compare(math.Abs(b.Gain.OverCoreMinutes), math.Abs(a.Gain.OverCoreMinutes)),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	if len(r.Workloads) > most {
		r.MoreWorkloads = len(r.Workloads) - most
		r.Workloads = r.Workloads[:most]
	}
	return r
}

// cluster is the gain of the pods of one workload together.
type cluster struct {
	pods int
	gain Load
}

// estimate sums the gains. Pods of one workload resemble each other, so not pods but workloads count as drawn independently: ultimate
// clusters (Hansen, Hurwitz and Madow 1953; Cochran, Sampling Techniques, 1977, ch. 9A). With W workloads of gains g and n pods the
// variance of the sum is W/(W-1) Σ (g - mean of g)², that of the mean over pods m is W/(W-1) Σ (g - n·m)² / N², and the quantile is
// Student's with W-1 degrees of freedom.
//
// Two workloads with one pod each that gained 10 and 30 minutes: the sum is 40, its variance 2/1 · (100 + 100) = 400, so the interval is
// 40 ± 12.7 · 20.
func estimate(all []cluster, of func(Load) float64) Estimate {
	var e Estimate
	pods := 0
	for i := range all {
		e.Sum += of(all[i].gain)
		pods += all[i].pods
	}
	if pods == 0 {
		return e
	}
	e.Mean = e.Sum / float64(pods)
	w := float64(len(all))
	if w < 2 {
		return e
	}
	sum, mean := 0., 0.
	for i := range all {
		g := of(all[i].gain)
		d, m := g-e.Sum/w, g-float64(all[i].pods)*e.Mean
		sum, mean = sum+d*d, mean+m*m
	}
	t := distuv.StudentsT{Sigma: 1, Nu: w - 1}.Quantile(.975)
	between := func(v, variance float64) *[2]float64 {
		half := t * math.Sqrt(variance*w/(w-1))
		return &[2]float64{v - half, v + half}
	}
	e.SumInterval, e.MeanInterval = between(e.Sum, sum), between(e.Mean, mean/float64(pods*pods))
	return e
}
