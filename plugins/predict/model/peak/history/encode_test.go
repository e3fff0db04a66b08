// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
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
	same := func(when string) {
		t.Helper()
		if again, err := read.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: saved %+v, read %+v", when, s, read)
		}
		for _, horizon := range []int{1, 24} {
			if got, want := read.Summary(s.open, horizon), s.Summary(s.open, horizon); got != want {
				t.Errorf("%s: the summary of what was read is %+v, want %+v", when, got, want)
			}
		}
	}
	same("at once")
	for i := range int64(20000) { // the rest of a month
		value := 3 * rng.Float64()
		s.Observe(1800+(20000+i)*60, value)
		read.Observe(1800+(20000+i)*60, value)
	}
	if data, err = s.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	same("two weeks later")
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

// A file of a binary that held maxima as floats is read: what it says is within what a ring rounds, and it goes on as the one that was
// not saved.
func TestReadsSeriesOfFloats(t *testing.T) {
	data, err := os.ReadFile("testdata/series-of-floats")
	if err != nil {
		t.Fatal(err)
	}
	read := &Series{}
	if err := read.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2)) // as the file was made
	want := NewSeries(Grid{Origin: 1800, Interval: time.Minute}, 4)
	for i := range int64(20000) {
		want.Observe(1800+i*60, 3*rng.Float64())
	}
	for i := int64(20000); i < 30000; i++ {
		now := Grid{Origin: 1800}.Hour(1800 + i*60)
		if i%1000 == 0 {
			got, want := read.Summary(now, 24), want.Summary(now, 24)
			for j := range got.v {
				if math.Abs(got.v[j]-want.v[j]) > 3./4096+1e-6 {
					t.Errorf("after sample %d entry %d is %v, want %v", i, j, got.v[j], want.v[j])
				}
			}
		}
		value := 3 * rng.Float64()
		read.Observe(1800+i*60, value)
		want.Observe(1800+i*60, value)
	}
}
