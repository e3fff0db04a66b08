// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math"
	"time"
	"unsafe"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// windows holds the samples of every node that are within the window: at the default
// interval and window, 30 of 32 bytes each. It is not safe for concurrent use.
type windows struct {
	window, expiry time.Duration
	nodes          map[string][]sample
}

// sample of one node. A value that was not measured is NaN.
type sample struct {
	at          time.Time
	cpu, memory float64
}

func newWindows(window, expiry time.Duration) *windows {
	return &windows{window: window, expiry: expiry, nodes: map[string][]sample{}}
}

// add takes the samples of a clean reading, which holds none twice and none that is older
// than the one before it.
func (h *windows) add(r usage.Reading) {
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
func (h *windows) publish(now time.Time) map[string]forecast.NodeUsage {
	known := make(map[string]forecast.NodeUsage, len(h.nodes))
	for name, samples := range h.nodes {
		newest := samples[len(samples)-1]
		if now.Sub(newest.at) > h.expiry {
			delete(h.nodes, name)
			continue
		}
		known[name] = forecast.NodeUsage{
			CPU:    statsOf(samples, func(s *sample) float64 { return s.cpu }),
			Memory: statsOf(samples, func(s *sample) float64 { return s.memory }),
			Newest: newest.at,
			Window: newest.at.Sub(samples[0].at),
		}
	}
	return known
}

// statsOf is Welford's algorithm, which does not lose the deviation of bytes to rounding.
func statsOf(samples []sample, of func(*sample) float64) forecast.Stats {
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
		return forecast.Stats{Mean: math.NaN(), StdDev: math.NaN(), Latest: math.NaN()}
	}
	return forecast.Stats{Mean: mean, StdDev: math.Sqrt(m2 / n), Latest: of(&samples[len(samples)-1])}
}

// bytes estimates the memory of the windows, and of what was published of them, twice; see nodes.Learned.
func (h *windows) bytes() (n uint64) {
	perNode := uint64(unsafe.Sizeof("")+unsafe.Sizeof([]sample{}))*3/2 + 2*uint64(unsafe.Sizeof("")+unsafe.Sizeof(forecast.NodeUsage{}))*3/2
	for _, samples := range h.nodes {
		n += perNode + uint64(cap(samples))*uint64(unsafe.Sizeof(sample{}))
	}
	return n
}
