// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// history holds the samples of every node that are within the window: at the default
// interval and window, 30 of 32 bytes each. It is not safe for concurrent use.
type history struct {
	window, expiry time.Duration
	nodes          map[string][]sample
	epoch          uint64
}

// sample of one node. A value that was not measured is NaN.
type sample struct {
	at          time.Time
	cpu, memory float64
}

func newHistory(window, expiry time.Duration) *history {
	return &history{window: window, expiry: expiry, nodes: map[string][]sample{}}
}

// add takes the samples of a clean reading, which holds none twice and none that is older
// than the one before it.
func (h *history) add(r usage.Reading) {
	for i := range r.Nodes {
		n := &r.Nodes[i]
		s := sample{at: n.Time, cpu: value(&n.Values, usage.CPU), memory: value(&n.Values, usage.Memory)}
		kept := h.nodes[n.Node]
		first := 0
		for first < len(kept) && s.at.Sub(kept[first].at) > h.window {
			first++
		}
		// Shifting in place keeps the memory bounded by the window.
		kept = append(kept[:0], kept[first:]...)
		h.nodes[n.Node] = append(kept, s)
	}
}

func value(v *usage.Values, q usage.Quantity) float64 {
	if x, ok := v.Get(q); ok {
		return x
	}
	return math.NaN()
}

// publish returns what is known now, and forgets nodes of which nothing is.
func (h *history) publish(now time.Time) *predict.Snapshot {
	h.epoch++
	known := make(map[string]predict.NodeUsage, len(h.nodes))
	for name, samples := range h.nodes {
		newest := samples[len(samples)-1]
		if now.Sub(newest.at) > h.expiry {
			delete(h.nodes, name)
			continue
		}
		known[name] = predict.NodeUsage{
			CPU:    statsOf(samples, func(s *sample) float64 { return s.cpu }),
			Memory: statsOf(samples, func(s *sample) float64 { return s.memory }),
			Newest: newest.at,
			Window: newest.at.Sub(samples[0].at),
		}
	}
	c := predict.Contents{Epoch: h.epoch, Usage: known, Blind: true}
	for horizon := range c.Combiners {
		for r := range c.Combiners[horizon] {
			c.Combiners[horizon][r].Together = 1
		}
	}
	return predict.NewSnapshot(c)
}

// statsOf is Welford's algorithm, which does not lose the deviation of bytes to rounding.
func statsOf(samples []sample, of func(*sample) float64) predict.Stats {
	n, mean, m2 := 0., 0., 0.
	for i := range samples {
		x := of(&samples[i])
		if math.IsNaN(x) {
			continue
		}
		n++
		d := x - mean
		mean += d / n
		m2 += d * (x - mean)
	}
	if n == 0 {
		return predict.Stats{Mean: math.NaN(), StdDev: math.NaN(), Latest: math.NaN()}
	}
	return predict.Stats{Mean: mean, StdDev: math.Sqrt(m2 / n), Latest: of(&samples[len(samples)-1])}
}
