// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import "github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"

const week = 7 * 24 // hours

// profile holds the mean of each hour of the week. The zero profile knows of none.
type profile struct {
	// hours but the newest one. That is a number of its own: it changes by less than a Ring holds.
	hours  history.Ring
	newest float32 // where begun
	hour   uint8   // of the week, that newest is of
	begun  bool
}

// of returns the mean of an hour; negative is not known.
func (p *profile) of(hour int64) float32 {
	if p.begun && hourOfWeek(hour) == p.hour {
		return p.newest
	}
	return p.hours.At(hour, week)
}

// add takes a sample of an hour, which counts with a weight. The first one of an hour is its mean.
func (p *profile) add(hour int64, v, weight float64) {
	if at := hourOfWeek(hour); !p.begun || at != p.hour {
		mean := p.hours.At(hour, week)
		if p.begun {
			p.hours.Set(int64(p.hour), p.newest, week)
		}
		if mean < 0 {
			mean = float32(v)
		}
		p.newest, p.hour, p.begun = mean, at, true
	}
	p.newest += float32((v - float64(p.newest)) * weight)
}

// hourOfWeek is the same for hours that are weeks apart.
func hourOfWeek(hour int64) uint8 { return uint8((hour%week + week) % week) }

// all hours of the week, as files hold them.
func (p *profile) all() (hours [week]float32) {
	for i := range hours {
		hours[i] = p.of(int64(i))
	}
	return hours
}

// profileOf is the profile with these hours.
func profileOf(hours *[week]float32) (p profile) {
	// A ring takes least memory where it begins after hours that are not known.
	first := 0
	for i, v := range hours {
		if v >= 0 && hours[(i+week-1)%week] < 0 {
			first = i
			break
		}
	}
	for i := range hours {
		at := (first + i) % week
		p.hours.Set(int64(at), hours[at], week)
	}
	return p
}
