// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unique"
)

// wire is a Series as it is saved: values of fixed size, in this order, little-endian.
type wire struct {
	Origin, Interval    int64
	Scale               float64
	Open                int64
	Begun               bool
	Current, Last, Jump float32
	Hours               [weekHours]float32
	Days                [dayRing]float32
	Buckets             [buckets]float32
	Total, Weight, Half float64
	Day, Week           [4]float64
}

// MarshalBinary returns the series as UnmarshalBinary reads it, about 1.3 KiB. It never fails.
func (s *Series) MarshalBinary() ([]byte, error) {
	r := s.rates.Value()
	w := wire{
		Origin: r.grid.Origin, Interval: int64(r.grid.Interval), Scale: s.scale, Open: s.open, Begun: s.begun,
		Current: s.current, Last: s.last, Jump: s.jump,
		Buckets: s.hist.all(), Total: s.hist.total, Weight: s.hist.weight, Half: r.half,
		Day: s.day.wire(r.day), Week: s.week.wire(r.week),
	}
	for i := range w.Hours {
		w.Hours[i] = s.hours.At(int64(i), weekHours)
	}
	for i := range w.Days {
		w.Days[i] = s.days.At(int64(i), dayRing)
	}
	return binary.Append(make([]byte, 0, binary.Size(w)), binary.LittleEndian, &w)
}

// UnmarshalBinary reads what MarshalBinary returned. It returns an error for data of another length, or that no series
// can be.
func (s *Series) UnmarshalBinary(data []byte) error {
	var w wire
	if len(data) != binary.Size(w) {
		return fmt.Errorf("a series of %d bytes, want %d", len(data), binary.Size(w))
	}
	if _, err := binary.Decode(data, binary.LittleEndian, &w); err != nil {
		return err
	}
	for _, v := range [...]float64{w.Scale, w.Total, w.Weight, w.Half, w.Day[0], w.Day[1], w.Week[0], w.Week[1]} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("a series with the value %v", v)
		}
	}
	if w.Scale == 0 || w.Interval <= 0 {
		return fmt.Errorf("a series with the scale %v and the interval %v", w.Scale, time.Duration(w.Interval))
	}
	*s = Series{
		rates: unique.Make(rates{
			grid: Grid{Origin: w.Origin, Interval: time.Duration(w.Interval)}, half: w.Half, day: w.Day[0], week: w.Week[0],
		}),
		scale: w.Scale, open: w.Open, begun: w.Begun, current: held(w.Current), last: held(w.Last), jump: w.Jump,
		hist: histogram{total: w.Total, weight: w.Weight},
		day:  momentsOf(w.Day), week: momentsOf(w.Week),
	}
	s.hist.hold(&w.Buckets)
	// The oldest first, so that a ring begins where the past does.
	for h := w.Open - weekHours; h < w.Open; h++ {
		s.hours.Set(h, w.Hours[mod(h, weekHours)], weekHours)
	}
	for today, d := floorDiv(w.Open, 24), floorDiv(w.Open, 24)-dayRing+1; d <= today; d++ {
		s.days.Set(d, w.Days[mod(d, dayRing)], dayRing)
	}
	return nil
}

// held is a maximum of a file as a Ring holds it, or unknown. Files did not round them once.
func held(v float32) float32 {
	if v < 0 {
		return unknown
	}
	return Rounded(v)
}

func (m *moments) wire(keep float64) [4]float64 { return [4]float64{keep, m.w, m.x, m.xx} }

func momentsOf(w [4]float64) moments { return moments{w: w[1], x: w[2], xx: w[3]} }
