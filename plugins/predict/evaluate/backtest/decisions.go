// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"context"
	"math"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// fit trains the model of a horizon on the completed decisions, then forecasts them for the rescaling.
func (r *replay) fit(ctx context.Context, h *horizon) error {
	h.train = r.judgeable(h, h.train)
	for i := range h.train {
		if d := &h.train[i]; d.learn {
			h.trainer.Complete(d.input, d.peak)
		}
	}
	var err error
	if h.model, err = h.trainer.Fit(ctx); err != nil {
		return err
	}
	kept := h.train[:0]
	for _, d := range h.train {
		if d.machine.past == nil {
			continue
		}
		if d.interval, err = h.model.Forecast(d.input, 1-r.o.Violation); err != nil {
			return err
		}
		d.level = 1
		d.input = peak.Input{}
		kept = append(kept, d)
	}
	h.train = slices.Clip(kept)
	h.trainer = nil
	return nil
}

// judgeable returns the decisions of which it is known what came, with that.
func (r *replay) judgeable(h *horizon, ds decisions) decisions {
	kept := ds[:0]
	for _, d := range ds {
		var ok bool
		if d.peak, ok = d.machine.truth(d.hour, h.hours, r.perHour); ok {
			kept = append(kept, d)
		}
	}
	return kept
}

type decision struct {
	machine   *machine
	hour      int
	input     peak.Input
	learn     bool
	forecasts []float64 // of the baselines
	interval  peak.Interval
	level     float64
	// lowerLevel is the factor of the lower bound.
	lowerLevel float64
	peak       float64
	violated   bool
}

type decisions []decision

// of returns the forecasts of baseline k, or ours when k is -1, with the peaks that came and the limits, in order of time.
func (ds decisions) of(k int) (forecast, peaks, limit []float64) {
	for _, d := range ds {
		f := d.interval.Upper * d.level
		if k >= 0 {
			f = d.forecasts[k]
		}
		forecast, peaks, limit = append(forecast, f), append(peaks, d.peak), append(limit, d.machine.limit)
	}
	return forecast, peaks, limit
}

// lower is the decision's lower bound.
func (d *decision) lower() float64 { return min(d.interval.Point, d.interval.Lower*d.lowerLevel) }

// coverage is the share of peaks within the interval, and the share of those that are not below it.
func (ds decisions) coverage() (within, lowerHolds float64) {
	in, above := 0, 0
	for i := range ds {
		d := &ds[i]
		if d.peak < d.lower() {
			continue
		}
		above++
		if d.peak <= d.interval.Upper*d.level {
			in++
		}
	}
	n := math.Max(1, float64(len(ds)))
	return float64(in) / n, float64(above) / n
}
