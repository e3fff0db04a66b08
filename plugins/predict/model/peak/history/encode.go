// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
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
	return binary.Append(make([]byte, 0, binary.Size(wire{})), binary.LittleEndian, &wire{
		Origin: s.grid.Origin, Interval: int64(s.grid.Interval), Scale: s.scale, Open: s.open, Begun: s.begun,
		Current: s.current, Last: s.last, Jump: s.jump, Hours: s.hours, Days: s.days,
		Buckets: s.hist.bucket, Total: s.hist.total, Weight: s.hist.weight, Half: s.hist.half,
		Day: s.day.wire(), Week: s.week.wire(),
	})
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
		grid: Grid{Origin: w.Origin, Interval: time.Duration(w.Interval)}, scale: w.Scale, open: w.Open, begun: w.Begun,
		current: w.Current, last: w.Last, jump: w.Jump, hours: w.Hours, days: w.Days,
		hist: histogram{bucket: w.Buckets, total: w.Total, weight: w.Weight, half: w.Half},
		day:  momentsOf(w.Day), week: momentsOf(w.Week),
	}
	return nil
}

func (m *moments) wire() [4]float64 { return [4]float64{m.keep, m.w, m.x, m.xx} }

func momentsOf(w [4]float64) moments { return moments{keep: w[0], w: w[1], x: w[2], xx: w[3]} }
