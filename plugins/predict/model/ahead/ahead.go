// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ahead forecasts what a pod that runs will use in each of the next hours, from what it does now, and from what it and its
// workload did at these hours a day and a week before. It knows no Kubernetes.
//
// For the hour that begins j hours from now, with the level l of the last quarter of an hour, the pod's use y(j) at that hour of its
// newest day, y(0) at this hour of it, its mean m over half a day, and its use w(j) at that hour of its newest week:
//
//	forecast(j) = a(j)·l + b(j)·y(j) + c(j)·y(0) + d(j)·m + e(j)·p^(j+1)·(l − m) + f(j)·(w(j) − y(j))
//
// Pods differ in how long their level lasts: one that is above its mean for minutes at a time soon is back, another one stays there for hours. So
// each has a persistence p of its own, 0–1 (persist.go): the share of the way from mean to level that it kept an hour later, as far as was seen.
//
// Of a week the mean over the pods of its workload is kept, and multiplied by how many times that the pod uses: so one that came in another's place
// knows it too. The difference counts from −m to m: a burst of a week ago that does not come again would outweigh all else. Where the hour of a week ago is not known, y(j) stands in: the last term is 0, and such hours do not teach its weight.
//
// The six weights of each lead are learned from all pods together: least squares, drawn to weights that were there before anything was seen. Each
// pod is divided by the mean of its own mean and that of the average pod: so large pods tell more, and none outvotes all others. For
// example, with a = .2, b = .3, d = .5, e = .5 and c = f = 0, a pod with p = .8 that uses 2 cores now, 1 core on average, and used 1 core at the next
// hour of yesterday is forecast at .4 + .3 + .5 + .4 = 1.6 cores for the first hour.
package ahead

import "math"

const (
	// Leads is how many hours are forecast.
	Leads = 8
	// features of a forecast.
	features = 6
	// prior is as many hours of pods as the first weights count for.
	prior = 30
	// keeps is the share of what was learned that still counts after an hour: half of it after three days.
	keeps = .9904
	// smallest is the least a pod is divided by, in the unit of its use.
	smallest = 1e-3
	// most is the largest squared error, in squares of what it is divided by, that teaches: a larger one would outweigh all others.
	most = 1e4
)

// Pod is what is known of a pod at one moment.
type Pod struct {
	// Now is its level over the last quarter of an hour, and Mean that over half a day.
	Now, Mean float64
	// Persistence of what Now is beyond Mean, 0–1.
	Persistence float64
	// Day is its own; nil is none. Like is that of pods like it, which stands in.
	Day, Like *Day
	// Week is that of its workload; nil is none. Size is how many times what it says the pod uses.
	Week *Week
	Size float64
}

// Inputs of a forecast: l, y(j), y(0), m, p^(j+1)·(l − m) and w(j) − y(j), from −m to m.
type Inputs [features]float64

// mean is where m is.
const mean = 3

// InputsOf are the inputs for a lead, of a pod's level, its use at that hour and at this hour of its newest day, its use at that hour a week
// before, its mean, and its persistence.
func InputsOf(now, then, yesterday, lastWeek, m, persistence float64, lead int) Inputs {
	return Inputs{now, then, yesterday, m, math.Pow(persistence, float64(lead+1)) * (now - m), max(-m, min(m, lastWeek-then))}
}

// Inputs for the hour that begins lead hours after a Unix second.
func (p *Pod) Inputs(unix int64, lead int) Inputs {
	at := func(unix int64) float64 {
		if use, known := p.Day.Over(unix); known {
			return use
		}
		if use, known := p.Like.Over(unix); known {
			return use
		}
		return p.Now
	}
	hour := unix + int64(lead)*3600
	then := at(hour)
	lastWeek := then
	if use, known := p.Week.Over(hour); known {
		lastWeek = p.Size * use
	}
	return InputsOf(p.Now, then, at(unix), lastWeek, p.Mean, p.Persistence, lead)
}

// Mixture is how now, yesterday and last week are weighed for each lead. The zero value is none: use New.
type Mixture struct {
	weights [Leads][features]float64
	// wider is by how much the mean squared error of a lead passes that of the first.
	wider [Leads]float64
	// What the weights are solved from: Σ x·xᵀ, Σ x·y and the mean squared errors.
	products [Leads][features][features]float64
	targets  [Leads][features]float64
	errors   [Leads]float64
	seen     [Leads]float64
	// level is the mean of all pods that taught, over the newest ten thousand or so of their hours.
	level, levels float64
}

// keepsLevel is what counts of the mean of all pods after one more hour of a pod.
const keepsLevel = .9999

// New returns the mixture that counts before anything was seen: the level of now, which yesterday takes over from.
func New() *Mixture {
	m := &Mixture{}
	for j := range m.weights {
		now := .75 * math.Pow(.85, float64(j))
		m.weights[j] = [features]float64{now, 1 - now}
		m.wider[j] = 1
	}
	return m
}

// Weights of a lead: of the level now, of yesterday at that hour, of yesterday at this hour, of the mean, of what persists, and of by how
// much last week at that hour passed yesterday.
func (m *Mixture) Weights(lead int) [features]float64 { return m.weights[lead] }

// Forecast returns what is used in the hour of that lead, at least 0. Leads beyond the last count as it.
func (m *Mixture) Forecast(in Inputs, lead int) float64 {
	sum := 0.0
	for i, w := range m.weights[min(lead, Leads-1)] {
		sum += w * in[i]
	}
	return max(0, sum)
}

// Wider is by how much the mean squared error of a lead passes that of the first.
func (m *Mixture) Wider(lead int) float64 { return m.wider[min(lead, Leads-1)] }

// Learn takes what was used in an hour of which the inputs spoke that many hours before: its mean, and the mean of its square.
func (m *Mixture) Learn(x Inputs, lead int, use, square float64) {
	scale := x[mean]
	if m.levels > 0 {
		scale = (scale + m.level/m.levels) / 2
	}
	scale = max(scale, smallest)
	forecast := m.Forecast(x, lead)
	miss := (square - 2*use*forecast + forecast*forecast) / scale / scale
	if !(miss >= 0 && miss <= most) {
		return
	}
	m.level, m.levels = keepsLevel*m.level+max(0, x[mean]), keepsLevel*m.levels+1
	for i := range x {
		x[i] /= scale
	}
	for i := range x {
		for k := range x {
			m.products[lead][i][k] += x[i] * x[k]
		}
		m.targets[lead][i] += x[i] * use / scale
	}
	m.errors[lead] += miss
	m.seen[lead]++
}

// Solve finds the weights anew, and has what was seen before count a little less. Call it once an hour.
func (m *Mixture) Solve() {
	first := New()
	for j := range m.weights {
		if m.seen[j] == 0 {
			continue
		}
		a, b := m.products[j], m.targets[j]
		for i := range a {
			a[i][i] += prior
			b[i] += prior * first.weights[j][i]
		}
		if w, ok := solve(a, b); ok {
			m.weights[j] = w
		}
		if m.seen[0] > 0 && m.errors[0] > 0 {
			m.wider[j] = max(1, (m.errors[j]+prior*m.errors[0]/m.seen[0])/(m.seen[j]+prior)*m.seen[0]/m.errors[0])
		}
	}
	for j := range m.weights {
		for i := range m.products[j] {
			for k := range m.products[j][i] {
				m.products[j][i][k] *= keeps
			}
			m.targets[j][i] *= keeps
		}
		m.errors[j] *= keeps
		m.seen[j] *= keeps
	}
}

// Copy returns what can be published.
func (m *Mixture) Copy() *Mixture {
	c := *m
	return &c
}

// solve finds w with a·w = b by elimination; a is symmetric, and positive since the prior is on its diagonal.
func solve(a [features][features]float64, b [features]float64) (w [features]float64, ok bool) {
	for i := range a {
		if !(a[i][i] > 1e-9) {
			return w, false
		}
		for k := i + 1; k < features; k++ {
			by := a[k][i] / a[i][i]
			for l := i; l < features; l++ {
				a[k][l] -= by * a[i][l]
			}
			b[k] -= by * b[i]
		}
	}
	for i := features - 1; i >= 0; i-- {
		w[i] = b[i]
		for k := i + 1; k < features; k++ {
			w[i] -= a[i][k] * w[k]
		}
		w[i] /= a[i][i]
		if math.IsNaN(w[i]) || math.IsInf(w[i], 0) {
			return w, false
		}
	}
	return w, true
}
