// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

// gap is how far a node's use is off what its pods' and its system's are expected to add up to, while pods run there that are not
// measured: below 0 where they use less. What such pods come to is known in sum only, so the node's measure corrects the sum.
type gap struct {
	last, mean, variance, samples float64
}

const gapHalf = 30 * time.Minute

// add takes a sample. Where all pods are measured there is no gap.
func (g *gap) add(beyond float64, unmeasured bool, grid history.Grid) {
	if !unmeasured {
		*g = gap{}
		return
	}
	g.samples++
	weight := max(1/g.samples, 1-math.Exp2(-grid.Interval.Seconds()/gapHalf.Seconds()))
	d := beyond - g.mean
	g.last, g.mean = beyond, g.mean+weight*d
	g.variance = (1 - weight) * (g.variance + weight*d*d)
}

// interval of the gap: the mean and two deviations, and what it is now.
func (g *gap) interval() forecast.Interval {
	wide := 2 * math.Sqrt(g.variance)
	return forecast.Interval{Lower: min(g.last, g.mean-wide), Upper: max(g.last, g.mean+wide)}
}

// beyond is the node's use beyond what its pods' forecasts add up to, as of its newest sample.
func (n *Node) beyond(r int) forecast.Interval {
	if n.gap[r].samples == 0 {
		return n.Resources[r].Own.interval()
	}
	// The upper bound of unmeasured pods' sum holds what they are expected to use, and the lower one what of it is sure.
	in := n.gap[r].interval()
	in.Lower = max(0, in.Lower+n.expected[r]) - n.sure[r]
	if n.sure[r] > 0 { // Where something is known of such pods, no more is sure than if they were measured.
		in.Lower = min(in.Lower, n.Resources[r].Own.interval().Lower)
	}
	return in
}

// use beyond what the node's pods are expected to use at any moment.
func (n *Node) use(r int) forecast.Use {
	if n.gap[r].samples == 0 {
		own := &n.Resources[r].Own
		return forecast.Use{Mean: own.Mean, Variance: own.Variance}
	}
	return forecast.Use{Mean: n.gap[r].mean + n.expected[r] - n.usual[r], Variance: n.gap[r].variance}
}
