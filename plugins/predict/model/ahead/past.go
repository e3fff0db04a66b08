// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ahead

import "math"

const (
	// HoursOfDay there are.
	HoursOfDay = 24
	// HoursOfWeek there are.
	HoursOfWeek = 7 * HoursOfDay
)

// Day is what a pod used at each hour of the day when it last was that hour, by UTC; below 0 is not known. Nobody writes to one that is
// published.
type Day [HoursOfDay]float32

// Week is what a workload's pods used on average at each hour of the week when it last was that hour, by UTC, in the unit of Day; below 0 is
// not known. It takes 672 bytes. Nobody writes to one that is published.
type Week [HoursOfWeek]float32

// With returns the day with what was used in an hour, which is counted from 1970; nil is one of which nothing is known.
func (d *Day) With(hour int64, use float64) *Day {
	next := &Day{}
	if d != nil {
		*next = *d
	} else {
		forget(next[:])
	}
	next[slot(hour, HoursOfDay)] = known(use)
	return next
}

// With returns the week with what was used in an hour, as that of Day does.
func (w *Week) With(hour int64, use float64) *Week {
	next := &Week{}
	if w != nil {
		*next = *w
	} else {
		forget(next[:])
	}
	next[slot(hour, HoursOfWeek)] = known(use)
	return next
}

// Over returns what was used in the hour that begins at a Unix second, on average; false where that is not known.
func (d *Day) Over(unix int64) (use float64, known bool) {
	if d == nil {
		return 0, false
	}
	return over(d[:], unix)
}

// Over returns what was used in the hour of the week that begins at a Unix second, on average; false where that is not known.
func (w *Week) Over(unix int64) (use float64, known bool) {
	if w == nil {
		return 0, false
	}
	return over(w[:], unix)
}

func over(hours []float32, unix int64) (use float64, known bool) {
	hour := slot(unix, 3600*int64(len(hours))) / 3600
	into := float64(slot(unix, 3600)) / 3600
	first, second := float64(hours[hour]), float64(hours[slot(hour+1, int64(len(hours)))])
	switch {
	case first < 0 && second < 0:
		return 0, false
	case first < 0:
		return second, true
	case second < 0:
		return first, true
	}
	return first + into*(second-first), true
}

// slot is i modulo n, at least 0: a clock may lie before 1970.
func slot(i, n int64) int64 { return ((i % n) + n) % n }

// known is a use as it is kept: one that is no finite number of at least 0 is not known.
func known(use float64) float32 {
	if !(use >= 0 && use <= math.MaxFloat32) {
		return -1
	}
	return float32(use)
}

func forget(hours []float32) {
	for h := range hours {
		hours[h] = -1
	}
}

// Valid is whether each hour is a number, and finite.
func (d *Day) Valid() bool { return d == nil || valid(d[:]) }

// Valid is whether each hour is a number, and finite.
func (w *Week) Valid() bool { return w == nil || valid(w[:]) }

func valid(hours []float32) bool {
	for _, use := range hours {
		if math.IsNaN(float64(use)) || math.IsInf(float64(use), 0) {
			return false
		}
	}
	return true
}
