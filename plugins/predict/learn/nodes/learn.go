// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/pods"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

const (
	// mostDecisions is how many completed decisions are kept per horizon and resource, the newest.
	mostDecisions = 4000
	// perHour is how many nodes begin a decision in an hour. 24 hours of them are open at a time.
	perHour = 250
	// trainEvery is how many decisions more than last time call for training anew.
	trainEvery = 1000
	// usually is the ρ by which peaks of pods add up as far as nothing is learned, which counts as much as so many completed decisions.
	// Where it was learned it came to .1 to .3 for hours; the upper end is careful. That all peaks coincide was never seen.
	usually, prior = .3, 100
	// settledHours of a node's past before the whole of it is forecast.
	settledHours = 24
)

// Decision is what was known of a node at the beginning of a horizon, and what came.
type Decision struct {
	Node     string
	Features []float32 // of history.Features
	Hour     int64     // index of the first hour of the horizon
	Limit    float64
	// Load of the node's pods, and what the node used beyond them.
	Load peak.Load
	Own  float64
	// Peak so far, or in the end.
	Peak float64

	pods, arrivals int
}

func (d *Decision) input() peak.Input {
	x := make([]float64, len(d.Features))
	for i, v := range d.Features {
		x[i] = float64(v)
	}
	return peak.Input{Features: x, Limit: d.Limit}
}

// learning is what becomes of decisions.
type learning struct {
	open      [forecast.NumHorizons][forecast.NumResources][]*Decision
	combiners [forecast.NumHorizons][forecast.NumResources]peak.Combiner
	models    [forecast.NumHorizons][forecast.NumResources]atomic.Pointer[peak.Model]
	tracker   [forecast.NumResources]*peak.Tracker
	floor     [forecast.NumResources]*peak.Floor
	kinds     [forecast.NumResources]history.Kinds // of workloads, when the open hour began

	// wake tells the goroutine that trains; what it shares with the others is below.
	wake      chan struct{}
	mu        sync.Mutex
	completed [forecast.NumHorizons][forecast.NumResources][]*Decision
	fresh     [forecast.NumHorizons][forecast.NumResources]int // completed since the last training
	trained   Training
}

func (l *learning) init() {
	l.wake = make(chan struct{}, 1)
	for h := range l.combiners {
		for r := range l.combiners[h] {
			l.combiners[h][r].Together = usually
		}
	}
}

// turn ends the open hour and begins another.
func (h *Learned) turn(hour int64, p *pods.Learned, s *forecast.Snapshot) {
	h.judge(hour)
	h.account()
	h.settle(hour)
	h.begin(hour, p, s)
	for _, n := range h.nodes {
		n.Hours++
		for r := range n.Resources {
			n.Resources[r].Peak = -1
		}
	}
}

// settle gives open decisions the peak of the hour that is over, and completes those whose horizon is.
func (h *Learned) settle(hour int64) {
	for horizon := range h.open {
		for r := range h.open[horizon] {
			var still []*Decision
			for _, d := range h.open[horizon][r] {
				n := h.nodes[d.Node]
				if n == nil || n.Resources[r].Peak < 0 {
					continue // An hour without samples: the peak may have been in it.
				}
				d.Peak = max(d.Peak, n.Resources[r].Peak)
				switch over := hour - d.Hour; {
				case d.Limit != n.size()[r]:
					// Another machine than the one that was forecast.
				case 4*(n.arrivals-d.arrivals) > d.pods+2 && !alike(&d.Load, &n.load[horizon][r].Load):
					// Other pods than those that were forecast. Those of a roll-out and of the next run of a CronJob are the same again.
				case over < int64(forecast.Horizon(horizon).Hours()):
					still = append(still, d)
				case over == int64(forecast.Horizon(horizon).Hours()):
					h.complete(horizon, r, d)
				}
			}
			h.open[horizon][r] = still
		}
	}
}

// alike says whether two sets of pods are forecast to use about the same.
func alike(a, b *peak.Load) bool {
	near := func(x, y float64) bool { return math.Abs(x-y) <= max(x, y)/4 }
	return near(a.Mean, b.Mean) && near(a.SumPeaks, b.SumPeaks)
}

func (h *Learned) complete(horizon, r int, d *Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := &h.completed[horizon][r]
	if len(*kept) >= mostDecisions {
		*kept = append((*kept)[:0], (*kept)[len(*kept)-mostDecisions+1:]...)
	}
	*kept = append(*kept, d)
	h.fresh[horizon][r]++
	if h.fresh[horizon][r] >= trainEvery {
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}

// combine learns how the peaks of pods add up.
func (h *Learned) combine() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for horizon := range h.completed {
		for r, all := range h.completed[horizon] {
			loads, peaks := make([]peak.Load, len(all)), make([]float64, len(all))
			for i, d := range all {
				loads[i], peaks[i] = d.Load, d.Peak-d.Own
			}
			if n := float64(len(all)); n > 0 {
				learned := peak.FitCombiner(loads, peaks, h.options.Tau).Together
				h.combiners[horizon][r].Together = (n*learned + prior*usually) / (n + prior)
			}
		}
	}
}

// begin forecasts whole nodes for the horizons that begin now, where there is a model, and has some of the nodes begin
// a decision.
func (h *Learned) begin(hour int64, p *pods.Learned, s *forecast.Snapshot) {
	h.combine()
	for _, n := range h.nodes {
		clear(n.members)
		n.members = n.members[:0]
	}
	h.addPods(p, s, func(n *Node, pod *pods.Pod, _ *forecast.PodForecast) { n.members = append(n.members, pod) })
	h.kinds = p.Kinds(hour)
	var strides, seen [forecast.NumResources]int
	for _, n := range h.nodes {
		for r := range n.Resources {
			if n.teaches(r) {
				strides[r]++
			}
		}
	}
	for r := range strides {
		strides[r] = max(1, strides[r]/perHour)
		seen[r] = int(hour) % strides[r] // so that every node's turn comes
	}
	for _, name := range slices.Sorted(maps.Keys(h.nodes)) {
		n := h.nodes[name]
		for r := range n.Resources {
			chosen := n.teaches(r)
			if chosen {
				seen[r]++
				chosen = seen[r]%strides[r] == 0
			}
			for horizon := range n.direct {
				n.direct[horizon][r] = direct{}
				model := h.models[horizon][r].Load()
				if n.Hours < settledHours || n.size()[r] <= 0 || model == nil && !chosen {
					continue
				}
				d := h.decide(name, n, horizon, r, hour)
				if chosen {
					h.open[horizon][r] = append(h.open[horizon][r], d)
				}
				if model != nil {
					h.forecastWhole(n, horizon, r, model, d)
				}
			}
		}
		n.predict(h)
	}
}

// teaches says whether the node can begin a decision: it is there, of known size, was watched for long enough, and was measured
// in the hour that is over.
func (n *Node) teaches(r int) bool {
	return n.gone == 0 && n.Hours >= settledHours && n.size()[r] > 0 && n.Resources[r].Peak >= 0
}

func (h *Learned) decide(name string, n *Node, horizon, r int, hour int64) *Decision {
	hours := forecast.Horizon(horizon).Hours()
	var summaries []history.Summary
	for _, pod := range n.members {
		if s, ok := pod.Summary(forecast.Resource(r), hour, forecast.Horizon(horizon)); ok {
			h.kinds[r].Tell(&s)
			summaries = append(summaries, s)
		}
	}
	limit := n.size()[r]
	x := history.Features(n.Resources[r].Whole.Summary(hour, hours), summaries, limit)
	d := &Decision{
		Node: name, Features: make([]float32, len(x)), Hour: hour, Limit: limit,
		Load: n.load[horizon][r].Load, Own: n.Resources[r].Own.Mean, pods: n.pods, arrivals: n.arrivals,
	}
	for i, v := range x {
		d.Features[i] = float32(v)
	}
	return d
}

func (h *Learned) forecastWhole(n *Node, horizon, r int, model *peak.Model, d *Decision) {
	f, err := model.Forecast(d.input(), h.options.Tau)
	if err != nil || math.IsNaN(f.Upper) || math.IsInf(f.Upper, 0) {
		return
	}
	if forecast.Horizon(horizon) == forecast.Hour {
		if t := h.tracker[r]; t != nil {
			f.Upper = max(f.Point, f.Upper*t.Level())
		}
		if t := h.floor[r]; t != nil {
			f.Lower = min(f.Point, f.Lower*t.Level())
		}
	}
	n.direct[horizon][r] = direct{f, true}
}

// predict notes what is said of the hour that begins.
func (n *Node) predict(h *Learned) {
	n.forecast()
	h.calibrate(n, &n.load)
	for r := range n.predicted {
		n.predicted[r] = forecast.PeakWith(n.residual[forecast.Hour][r], n.load[forecast.Hour][r], forecast.Peak{}, h.combiners[forecast.Hour][r])
	}
}

// Len returns of how many nodes something is known.
func (h *Learned) Len() int { return len(h.nodes) }
