// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// A series that was saved goes on as the one that was not.
func TestSeriesSurvivesSaving(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := NewSeries(Grid{Origin: 1800, Interval: time.Minute}, 4)
	for i := range int64(20000) {
		s.Observe(1800+i*60, 3*rng.Float64())
	}
	data, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	read := &Series{}
	if err := read.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, read) {
		t.Errorf("saved %+v, read %+v", s, read)
	}
	for _, bad := range [][]byte{nil, data[:len(data)-1], append(data, 0), make([]byte, len(data))} {
		if err := read.UnmarshalBinary(bad); err == nil {
			t.Errorf("read %d bytes of garbage", len(bad))
		}
	}
	nan := math.Float64bits(math.NaN())
	for i := range 8 {
		data[16+i] = byte(nan >> (8 * i))
	}
	if err := read.UnmarshalBinary(data); err == nil {
		t.Error("read a scale that is not a number")
	}
}
