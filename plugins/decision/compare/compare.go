// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package compare says what predictions bring, from the outcome of decisions: a share of the pods is held out, and placed by requests
// as if nothing were predicted (heldOutPercent in ResourceFitArgs). The draw is by the pod's UID, so the two arms differ in nothing
// else.
package compare

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// Report of a comparison.
type Report struct {
	// Since is when the first decision was made that is compared, and Time when the report was.
	Since time.Time `json:"since"`
	Time  time.Time `json:"time"`
	// Predicted are the pods that predictions placed, HeldOut those that requests placed.
	Predicted Arm `json:"predicted"`
	HeldOut   Arm `json:"heldOut"`
	// Hours in which pods were placed that are compared.
	Hours int `json:"hours"`
	// Hot and Beyond are how the arms differ in what their Arm says.
	Hot    Difference `json:"hot"`
	Beyond Difference `json:"beyond"`
	// Enough says that enough has been seen for the intervals to mean something.
	Enough bool `json:"enough"`
}

// Arm is what became of pods that were placed in one way, until they were gone, for a day at most.
type Arm struct {
	Pods int `json:"pods"`
	// Days that pods were followed for, all together.
	Days float64 `json:"days"`
	// Hot is for how many minutes a day the node that a pod is on was over 80 % of its allocatable CPU, and Beyond how many core minutes
	// a day it used beyond that; each pod weighs by the inverse of its chance to be in the arm.
	Hot    float64 `json:"hot"`
	Beyond float64 `json:"beyond"`
}

// Difference between the arms. Intervals are 95 % ones, by a bootstrap over the hours in which pods were placed.
type Difference struct {
	// Gain is what held-out pods have a day less what predicted ones have.
	Gain         float64     `json:"gain"`
	GainInterval *[2]float64 `json:"gainInterval,omitempty"`
	// Ratio is what predicted pods have over what held-out ones have; none where these have nothing.
	Ratio         *float64    `json:"ratio,omitempty"`
	RatioInterval *[2]float64 `json:"ratioInterval,omitempty"`
}

const (
	// EnoughPods of the smaller arm, and EnoughHours with pods of both arms, are enough.
	EnoughPods, EnoughHours = 100, 24
	// resamples of the bootstrap.
	resamples = 1000
)

// sums of an arm: weights are the inverse of chances.
type sums struct {
	pods                 int
	minutes              float64
	weighed, hot, beyond float64
}

func (s *sums) add(o *sums) {
	s.pods += o.pods
	s.minutes += o.minutes
	s.weighed += o.weighed
	s.hot += o.hot
	s.beyond += o.beyond
}

const minutesADay = 24 * 60

func (s *sums) arm() Arm {
	a := Arm{Pods: s.pods, Days: s.minutes / minutesADay}
	if s.weighed > 0 {
		a.Hot, a.Beyond = minutesADay*s.hot/s.weighed, minutesADay*s.beyond/s.weighed
	}
	return a
}

// arms are what predictions placed, and what was held out.
type arms [2]sums

func (a *arms) add(o *arms) {
	a[0].add(&o[0])
	a[1].add(&o[1])
}

// Of compares the decisions that the ring still has.
func Of(ring *decision.Ring, now time.Time) Report {
	r := Report{Time: now}
	hours := map[int64]*arms{}
	for k := range ring.Newest() {
		record, came := k.Bare(), k.Outcome()
		if came == nil || came.Minutes <= 0 || !(record.Chance > 0 && record.Chance < 1) {
			continue
		}
		if r.Since.IsZero() || record.Time.Before(r.Since) {
			r.Since = record.Time
		}
		hour := record.Time.Unix() / 3600
		h := hours[hour]
		if h == nil {
			h = &arms{}
			hours[hour] = h
		}
		at := 0
		if record.HeldOut {
			at = 1
		}
		weight := 1 / record.Chance
		h[at].add(&sums{1, came.Minutes, weight * came.Minutes, weight * came.HotMinutes, weight * came.BeyondCoreMinutes})
	}
	var blocks []arms
	both := 0
	for _, hour := range slices.Sorted(maps.Keys(hours)) {
		h := hours[hour]
		blocks = append(blocks, *h)
		if h[0].pods > 0 && h[1].pods > 0 {
			both++
		}
	}
	r.estimate(blocks)
	r.Enough = min(r.Predicted.Pods, r.HeldOut.Pods) >= EnoughPods && both >= EnoughHours
	return r
}

// estimate compares the arms of all blocks.
func (r *Report) estimate(blocks []arms) {
	r.Hours = len(blocks)
	var all arms
	for i := range blocks {
		all.add(&blocks[i])
	}
	r.Predicted, r.HeldOut = all[0].arm(), all[1].arm()
	r.Hot, r.Beyond = difference(r.Predicted.Hot, r.HeldOut.Hot), difference(r.Predicted.Beyond, r.HeldOut.Beyond)
	if all[0].pods == 0 || all[1].pods == 0 || len(blocks) < 2 {
		return
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(blocks))))
	var hot, beyond resampled
	for range resamples {
		var drawn arms
		for range blocks {
			drawn.add(&blocks[rng.IntN(len(blocks))])
		}
		if drawn[0].pods == 0 || drawn[1].pods == 0 {
			continue
		}
		predicted, heldOut := drawn[0].arm(), drawn[1].arm()
		hot.add(predicted.Hot, heldOut.Hot)
		beyond.add(predicted.Beyond, heldOut.Beyond)
	}
	hot.into(&r.Hot)
	beyond.into(&r.Beyond)
}

func difference(predicted, heldOut float64) Difference {
	d := Difference{Gain: heldOut - predicted}
	if heldOut > 0 {
		ratio := predicted / heldOut
		d.Ratio = &ratio
	}
	return d
}

// resampled are the differences of resamples.
type resampled struct{ gains, ratios []float64 }

func (r *resampled) add(predicted, heldOut float64) {
	r.gains = append(r.gains, heldOut-predicted)
	ratio := math.Inf(1)
	if heldOut > 0 {
		ratio = predicted / heldOut
	} else if predicted == 0 {
		ratio = 1
	}
	r.ratios = append(r.ratios, ratio)
}

// into sets the intervals; one that does not end is none.
func (r *resampled) into(d *Difference) {
	if len(r.gains) < resamples/2 {
		return
	}
	d.GainInterval = interval(r.gains)
	if i := interval(r.ratios); d.Ratio != nil && !math.IsInf(i[1], 1) {
		d.RatioInterval = i
	}
}

func interval(values []float64) *[2]float64 {
	slices.Sort(values)
	at := func(share float64) float64 { return values[int(share*float64(len(values)-1))] }
	return &[2]float64{at(.025), at(.975)}
}
