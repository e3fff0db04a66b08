// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/quantile"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

const (
	hourHalf = 2 * 24 * time.Hour // of the weight of a pod's hourly peak
	dayHalf  = 7 * 24 * time.Hour // of the weight of a pod's daily peak
	meanHalf = 12 * time.Hour     // of the mean

	// early is how many readings make a first forecast.
	early = 3
	// earlyMargin is by how much the peak of a pod may pass what was seen before the first hour is over.
	earlyMargin = 1.5

	// bounds is how many deviations a bound is taken to be above the mean.
	bounds = 2.5

	// How far the peak of the day to come passes the largest use d of a pod that was watched for a time t only, r being its request:
	//
	//	(d + growthFloor·r) · growthShare · log2(settled/t) / (1 − τ), with settled = settles · ColdStart
	//
	// A pod that idles may begin to work, hence the floor; the tail is Pareto's, of index 1. By default two days settle it.
	// Set on single virtual machines of Bitbrains (GWA-T-12), whose limits stood for requests, and held against PlanetLab's.
	growthFloor = .05
	growthShare = .06
	settles     = 192
)

// Use is what single pods of one workload, or of one class, use. Fields are exported to be saved.
type Use struct {
	Resources [forecast.NumResources]ResourceUse
	// First and Seen are the Unix seconds of the first reading and of the newest one.
	First, Seen int64
	// Day is the CPU of a workload's pods at the hours of the newest day, where that is learned; it is replaced, not written to.
	Day *ahead.Day
	// Week is the same at the hours of the newest week.
	Week *ahead.Week

	class    *Use // of a workload; nil is not known
	forecast *forecast.PodForecast
	sum      [forecast.NumResources]cycle
	// What its pods came to in the hour that is over.
	hourUse, hourPods float64
	evicted           bool
}

// ResourceUse is what single pods use of one resource, in cores or bytes.
type ResourceUse struct {
	// Peaks of single pods over hours and days that are over.
	Peaks [forecast.NumHorizons]quantile.Sketch
	// Mean use of a pod, and of its square, and of how many readings they are.
	Mean     float64
	Square   float64
	Readings float64
	// Largest use of a pod so far.
	Largest float64
	// Requested by a pod, as upstream counts it: the mean over the pods.
	Requested float64
	// Limit is what no pod can pass: the largest one of the pods, or 0 where one of them has none.
	Limit float64
	// Typical is the past of the mean over the pods; only workloads have one.
	Typical *history.Series

	summaries [forecast.NumHorizons]*summary // of Typical; a workload's pods are on many nodes
}

// summary is what a series said at an hour.
type summary struct {
	hour int64
	history.Summary
}

// cycle adds up one reading: of all pods that it tells of, and of those that it measured.
type cycle struct{ told, requested, pods, use, squares, hourPeaks, limit float64 }

// close ends a reading.
func (u *Use) close(unix int64) {
	for r := range u.Resources {
		c, s := &u.sum[r], &u.Resources[r]
		if c.told > 0 {
			s.Requested = c.requested / c.told
		}
		if c.pods == 0 {
			continue
		}
		mean := c.use / c.pods
		weight := 1.0
		if s.Readings > 0 {
			weight = max(1/(s.Readings+1), 1-math.Exp2(-float64(unix-u.Seen)/meanHalf.Seconds()))
		}
		s.Mean += (mean - s.Mean) * min(1, weight)
		s.Square += (c.squares/c.pods - s.Square) * min(1, weight)
		s.Readings++
		if s.Limit = c.limit; math.IsInf(c.limit, 1) {
			s.Limit = 0
		}
		if s.Typical != nil {
			s.Typical.Observe(unix, mean)
		}
	}
	if u.First == 0 {
		u.First = unix
	}
	u.Seen = unix
}

// usual is what a pod uses at any moment, among its pods and over time. As long as its request counts, it may come to that.
func (s *ResourceUse) usual(upper, unproven float64) forecast.Use {
	variance := s.Square - s.Mean*s.Mean
	if s.Square == 0 && s.Mean > 0 { // of a file that does not say it
		variance = math.Pow((upper-s.Mean)/bounds, 2)
	}
	return forecast.Use{Mean: s.Mean, Variance: max(0, variance) + math.Pow(unproven*s.Requested/bounds, 2)}
}

// publish makes the forecast of one pod anew; nil as long as too little is known. unwatched are the bounds of a pod's day where
// nothing is known of it but what the origins below FromOwner say.
func (u *Use) publish(o *Options, origin forecast.Origin, unwatched forecast.Amounts) *forecast.PodForecast {
	f := &forecast.PodForecast{Origin: origin}
	// Idle for a minute may be about to start. The longer it is watched, the less its request says that its use does not.
	watched := max(1, float64(u.Seen-u.First)) / o.ColdStart.Seconds()
	unproven := max(0, 1-watched)
	grows := growthShare * max(0, math.Log2(settles/watched)) / (1 - o.Tau)
	known := false
	for r := range u.Resources {
		s, c := &u.Resources[r], &u.sum[r]
		if s.Readings < early {
			// What is not measured counts as it is requested, whatever else is.
			for h := range f.Peaks {
				f.Peaks[h][r] = forecast.Peak{Mean: s.Requested, Upper: s.Requested}
			}
			f.Use[r] = forecast.Use{Mean: s.Requested, Variance: math.Pow(s.Requested/bounds, 2)}
			continue
		}
		known = true
		floor := 0.0 // what its pods use now
		if c.pods > 0 {
			floor = c.hourPeaks / c.pods
		}
		for h := range f.Peaks {
			p := forecast.Peak{Mean: s.Mean}
			peaks := &s.Peaks[h]
			switch {
			case peaks.Count > 0:
				p.Lower, p.Upper = peaks.Lower(), peaks.Upper(o.Tau)
			case s.Peaks[forecast.Hour].Count > 0:
				// A day has more to show than the hours of it that are over.
				p.Lower, p.Upper = s.Peaks[forecast.Hour].Lower(), earlyMargin*s.Peaks[forecast.Hour].Upper(1)
			default:
				p.Upper = earlyMargin * s.Largest
			}
			if h > 0 { // What passes a bound within an hour passes it within the day.
				p.Lower, p.Upper = max(p.Lower, f.Peaks[0][r].Lower), max(p.Upper, f.Peaks[0][r].Upper)
				if !peaks.Tells(o.Tau) {
					p.Upper = max(p.Upper, min(unwatched[r], s.Largest+(s.Largest+growthFloor*s.Requested)*grows))
				}
			}
			p.Upper = max(p.Upper, floor, unproven*s.Requested)
			if s.Limit > 0 {
				p.Upper = min(p.Upper, s.Limit)
			}
			p.Upper = max(p.Upper, p.Mean)
			p.Lower = min(p.Lower, p.Upper)
			f.Peaks[h][r] = p
		}
		f.Use[r] = s.usual(f.Peaks[forecast.Day][r].Upper, unproven)
	}
	if !known {
		f = nil
	}
	u.forecast = f
	return f
}
