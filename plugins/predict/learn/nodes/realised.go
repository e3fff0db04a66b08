// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// Realised counts the node hours that are over by what was said of them when they began.
type Realised struct {
	// Above and Below the interval, and Within it.
	Above, Below, Within [forecast.NumResources]uint64
	// Excess is the sum, over the hours that were above, of how far as a share of the node.
	Excess [forecast.NumResources]float64
	// Headroom is the sum, over all hours, of how far the upper bound was off the peak, as a share of the node.
	Headroom [forecast.NumResources]float64
}

// judge holds the hour that is over against what was said of it.
func (h *Learned) judge(hour int64) {
	for r := range forecast.NumResources {
		violated, below, all := 0.0, 0.0, 0.0
		for _, n := range h.nodes {
			said, came := n.predicted[r], n.Resources[r].Peak
			size := n.size()[r]
			if said.Upper <= 0 || came < 0 || size <= 0 || hour != h.hour+1 || n.Hours == 0 {
				continue
			}
			all++
			n.Account = n.Account.judged(h.options.Grid.Origin+h.hour*3600, r, said, came)
			h.realised.Headroom[r] += math.Abs(said.Upper-came) / size
			switch {
			case came > said.Upper:
				violated++
				h.realised.Above[r]++
				h.realised.Excess[r] += (came - said.Upper) / size
			case came < said.Lower:
				below++
				h.realised.Below[r]++
			default:
				h.realised.Within[r]++
			}
		}
		if all > 0 && h.models[forecast.Hour][r].Load() != nil {
			if h.tracker[r] == nil {
				h.tracker[r] = peak.NewTracker(1-h.options.Tau, 1)
				h.floor[r] = peak.NewFloor(peak.LowerAt, 1)
			}
			h.tracker[r].Round(violated / all)
			h.floor[r].Round(below / all)
		}
	}
}

// Realised returns how forecasts of the next hour turned out.
func (h *Learned) Realised() Realised { return h.realised }
