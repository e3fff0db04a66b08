// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package baseline holds the peak predictors that published systems use, as plainly as they can be written. They
// are what a forecast has to beat; nothing in production runs them, so they may keep raw samples.
package baseline

import (
	"math"
	"sort"
	"time"
)

// The baselines, in the order of Forecasts.
var names = [...]string{
	"last value",        // the last sample
	"max 1 day",         // maximum of 24 h
	"max 7 days",        // maximum of 7 days
	"n-sigma",           // μ + 5σ of 24 h (Bashir et al., Take it to the limit, EuroSys 2021)
	"sum of task p99",   // Σ 99th percentile of each task's 24 h (Cortez et al., Resource Central, SOSP 2017)
	"max of predictors", // the larger of the two above (Bashir et al.)
	"vpa p90",           // Σ 90th percentile of each pod's histogram, half-life 24 h (VPA's target)
	"vpa p95",           // Σ 95th percentile (VPA's upper bound)
	"koordinator",       // the node's decayed histogram: p95 and 12 h for CPU, p98 and 24 h for memory
	"borg default",      // 0.9 of the limits (Bashir et al.)
}

// Names returns the names of the baselines in the order of Forecasts.
func Names() []string { return append([]string(nil), names[:]...) }

// Past is what the baselines remember of one workload or machine.
type Past struct {
	perHour int
	day     []float64 // ring of the last 24 h
	n       int       // samples so far
	hours   []float64 // ring of 168 hourly maxima
	vpa     histogram
	koord   histogram
	koordAt float64
}

// NewPast returns an empty past for samples every interval, which has to divide an hour. resource is "cpu", in cores, or
// "memory", in bytes.
func NewPast(resource string, interval time.Duration) *Past {
	perHour := int(time.Hour / interval)
	p := &Past{perHour: perHour, day: make([]float64, 24*perHour), hours: make([]float64, 168), koordAt: .95}
	day := float64(24 * perHour)
	p.vpa = histogram{first: .01, half: day}
	p.koord = histogram{first: .01, half: day / 2}
	if resource == "memory" {
		p.vpa.first, p.koord.first = 1e7, 1e7
		p.koord.half, p.koordAt = day, .98
	}
	return p
}

// Observe adds the next sample. A gap, NaN, repeats the last one.
func (p *Past) Observe(v float64) {
	if math.IsNaN(v) {
		v = p.last()
	}
	hour := p.n / p.perHour % len(p.hours)
	if p.n%p.perHour == 0 {
		p.hours[hour] = 0
	}
	p.hours[hour] = max(p.hours[hour], v)
	p.day[p.n%len(p.day)] = v
	p.n++
	p.vpa.add(v)
	p.koord.add(v)
}

func (p *Past) last() float64 {
	if p.n == 0 {
		return 0
	}
	return p.day[(p.n-1)%len(p.day)]
}

// Stats are the statistics the baselines combine, in the unit of the samples.
type Stats struct{ Last, Max1d, Max7d, Mean, Deviation, P99, VPA90, VPA95, Koordinator float64 }

// Stats returns the statistics of the past so far.
func (p *Past) Stats() Stats {
	day := append([]float64(nil), p.day[:min(p.n, len(p.day))]...)
	s := Stats{Last: p.last(), VPA90: p.vpa.quantile(.90), VPA95: p.vpa.quantile(.95), Koordinator: p.koord.quantile(p.koordAt)}
	if len(day) == 0 {
		return s
	}
	sort.Float64s(day)
	squares := 0.0
	for _, v := range day {
		s.Mean += v
		squares += v * v
	}
	s.Mean /= float64(len(day))
	s.Deviation = math.Sqrt(max(0, squares/float64(len(day))-s.Mean*s.Mean))
	s.Max1d = day[len(day)-1]
	s.P99 = day[int(math.Ceil(.99*float64(len(day))))-1]
	for _, v := range p.hours {
		s.Max7d = max(s.Max7d, v)
	}
	return s
}

// Forecasts returns what each baseline forecasts for a machine, given its own statistics and those of its tasks.
func Forecasts(machine Stats, tasks []Stats, limit float64) []float64 {
	var p99, vpa90, vpa95 float64
	for _, t := range tasks {
		p99 += t.P99
		vpa90 += t.VPA90
		vpa95 += t.VPA95
	}
	sigma := machine.Mean + 5*machine.Deviation
	return []float64{
		machine.Last, machine.Max1d, machine.Max7d, sigma, p99, max(sigma, p99), vpa90, vpa95, machine.Koordinator, .9 * limit,
	}
}

// histogram decays as the VPA's does: buckets grow by 5 % from first, new samples weigh more.
type histogram struct {
	first, half   float64
	weight, total float64
	bucket        []float64
}

func (h *histogram) add(v float64) {
	if h.weight == 0 || h.weight > 1e100 {
		for i := range h.bucket {
			h.bucket[i] /= h.weight
		}
		if h.weight > 0 {
			h.total /= h.weight
		}
		h.weight = 1
	}
	b := 0
	if v >= h.first {
		b = int(math.Log(v/h.first*.05+1) / math.Log(1.05))
	}
	for b >= len(h.bucket) {
		h.bucket = append(h.bucket, 0)
	}
	h.bucket[b] += h.weight
	h.total += h.weight
	h.weight *= math.Exp2(1 / h.half)
}

// quantile returns the end of the bucket in which the weight reaches q.
func (h *histogram) quantile(q float64) float64 {
	sum := 0.0
	for b, w := range h.bucket {
		if sum += w; w > 0 && sum >= q*h.total*(1-1e-12) {
			return h.first * (math.Pow(1.05, float64(b+1)) - 1) / .05
		}
	}
	return 0
}
