// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package history keeps what a forecaster needs to know about the past of one workload or node, in bounded
// memory, and turns it into scale-free features.
//
// A Series holds the maximum of every hour of the last week, the maximum of every day of the last four, a decayed
// histogram and decayed moments: .3 KiB at first, .8 KiB after a month, updated in constant time per sample. That is enough for weekly
// and daily patterns, for rare spikes, and for the body of the distribution; no raw samples are kept.
package history

import (
	"math"
	"time"
	"unique"
	"unsafe"
)

const (
	weekHours = 7 * 24
	dayRing   = 28
	unknown   = -1 // an hour or day without a sample
)

// Grid says how time is cut into hours. Series that are used together must share one Grid.
type Grid struct {
	// Origin is the Unix second at which an hour, and a day of the daily maxima, begins. Zero gives hours of UTC.
	Origin int64
	// Interval is the expected time between samples. Decay is per sample, so it sets the half-lives.
	Interval time.Duration
}

// Hour returns the index of the hour that holds the Unix second unix.
func (g Grid) Hour(unix int64) int64 {
	d := unix - g.Origin
	h := d / 3600
	if d%3600 < 0 {
		h--
	}
	return h
}

// Series is the bounded past of one workload or node for one resource. It is not safe for concurrent use.
// Values are in any one unit; the scale, usually the limit, only sets the histogram's resolution and the unit of features.
//
// Its maxima are numbers that a Ring holds also before they are in one: an hour equals its day.
type Series struct {
	rates unique.Handle[rates]
	scale float64
	open  int64 // hour that receives samples now
	begun bool

	current float32 // maximum of the open hour so far
	last    float32
	jump    float32 // largest ratio of an hour's maximum to the day before it, slowly forgotten
	hours   Ring    // maxima of closed hours
	days    Ring    // maxima of days; the open day is included
	hist    histogram
	day     moments
	week    moments
}

// rates are how time passes for a series: the same for nearly all, and held once.
type rates struct {
	grid Grid
	half float64 // samples after which a weight of the histogram has halved
	// What a sample leaves of the moments before it.
	day, week float64
}

// NewSeries returns an empty series. A scale that is not positive and finite is taken as 1.
func NewSeries(grid Grid, scale float64) *Series {
	if !(scale > 0) || math.IsInf(scale, 0) {
		scale = 1
	}
	if grid.Interval <= 0 {
		grid.Interval = 5 * time.Minute
	}
	perDay := float64(24*time.Hour) / float64(grid.Interval)
	return &Series{
		rates: unique.Make(rates{grid: grid, half: perDay, day: math.Exp2(-1 / (perDay / 2)), week: math.Exp2(-1 / (perDay * 3))}),
		scale: scale, current: unknown, jump: 1,
	}
}

// Bytes that the series takes.
func (s *Series) Bytes() int {
	return int(unsafe.Sizeof(*s)) + s.hours.Bytes() + s.days.Bytes() + s.hist.bytes()
}

// Scale returns the scale the series was made with, or rescaled to.
func (s *Series) Scale() float64 { return s.scale }

// Rescale makes the series one of another scale, when a limit has changed: what was used stays what it was, to the width of a
// bucket of the histogram. A scale that is not positive and finite changes nothing.
func (s *Series) Rescale(scale float64) {
	if !(scale > 0) || math.IsInf(scale, 0) || scale == s.scale {
		return
	}
	s.hist.rescale(s.scale / scale)
	s.scale = scale
}

// Observe adds one sample and reports whether it was taken. Samples that are NaN, infinite or negative are refused,
// and so are samples of an hour that is already closed: a series only moves forward.
func (s *Series) Observe(unix int64, value float64) bool {
	if !(value >= 0) || value > math.MaxFloat32/4 {
		return false
	}
	rates := s.rates.Value()
	h := rates.grid.Hour(unix)
	if s.begun && h < s.open {
		return false
	}
	s.advance(h)
	v := Rounded(float32(value))
	s.last = v
	s.current = max(s.current, v)
	d := floorDiv(h, 24)
	if v > s.days.At(d, dayRing) {
		s.days.Set(d, v, dayRing)
	}
	s.hist.add(value/s.scale, rates.half)
	s.day.add(value, rates.day)
	s.week.add(value, rates.week)
	return true
}

// advance closes hours until h is the open one. Hours without samples close as unknown.
func (s *Series) advance(h int64) {
	if !s.begun {
		s.begun, s.open = true, h
		return
	}
	if h-s.open > dayRing*24 { // everything kept is older than what is kept
		s.hours, s.days = Ring{}, Ring{}
		s.open, s.current = h, unknown
		return
	}
	for s.open < h {
		if s.current >= 0 {
			if before := s.maxHours(s.open, 1, 24); before > 0 {
				s.jump = max(1+(s.jump-1)*0.998, s.current/before)
			}
		}
		s.hours.Set(s.open, s.current, weekHours)
		s.current = unknown
		s.open++
		if mod(s.open, 24) == 0 {
			s.days.Set(floorDiv(s.open, 24), unknown, dayRing)
		}
	}
}

// ago returns the maximum of the hour k hours before now, or unknown. The open hour counts as the hour before
// now when it is not later than that.
func (s *Series) ago(now int64, k int) float32 {
	h := now - int64(k)
	if h == s.open {
		return s.current
	}
	if !s.begun || h > s.open || s.open-h > weekHours || k < 0 {
		return unknown
	}
	return s.hours.At(h, weekHours)
}

// maxHours returns the largest known maximum of the hours from..to before now, both included, or 0.
func (s *Series) maxHours(now int64, from, to int) float32 {
	m := float32(0)
	for k := max(from, 1); k <= to && k <= weekHours; k++ {
		m = max(m, s.ago(now, k))
	}
	return m
}

// moments are an exponentially weighted mean and variance.
type moments struct{ w, x, xx float64 }

func (m *moments) add(v, keep float64) {
	m.w = m.w*keep + 1
	m.x = m.x*keep + v
	m.xx = m.xx*keep + v*v
}

func (m *moments) mean() float64 {
	if m.w == 0 {
		return 0
	}
	return m.x / m.w
}

func (m *moments) deviation() float64 {
	if m.w == 0 {
		return 0
	}
	mu := m.x / m.w
	return math.Sqrt(max(0, m.xx/m.w-mu*mu))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func mod(a, b int64) int64 {
	if a %= b; a < 0 {
		a += b
	}
	return a
}
