// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import "testing"

// The bits of a range are set by words where they can be, and no other ones.
func TestSetRange(t *testing.T) {
	const rows = 200
	for first := range rows {
		for end := first; end <= rows; end++ {
			words := Bits{}.Grow(rows)
			words.SetRange(first, end)
			for row := range len(words) * 64 {
				if got, want := words.Has(int32(row)), first <= row && row < end; got != want {
					t.Fatalf("from %d to %d: bit %d is %v, want %v", first, end, row, got, want)
				}
			}
		}
	}
}

// Bits of rows that are new are clear, also where the memory held others before, and those of known rows stay.
func TestGrow(t *testing.T) {
	b := Bits{}.Grow(130)
	b.SetRange(0, 130)
	b = b[:1].Grow(130)
	for row := range int32(192) {
		if got, want := b.Has(row), row < 64; got != want {
			t.Errorf("bit %d is %v, want %v", row, got, want)
		}
	}
	if again := b.Grow(100); len(again) != len(b) {
		t.Errorf("%d words for fewer rows, want %d", len(again), len(b))
	}
}
