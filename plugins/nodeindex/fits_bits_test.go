// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import "testing"

// The bits of a range are set by words where they can be, and no other ones.
func TestSetBits(t *testing.T) {
	const rows = 200
	for first := range rows {
		for end := first; end <= rows; end++ {
			var words [(rows + 63) / 64]uint64
			setBits(words[:], first, end)
			for row := range len(words) * 64 {
				if got, want := words[row/64]>>(row%64)&1 == 1, first <= row && row < end; got != want {
					t.Fatalf("from %d to %d: bit %d is %v, want %v", first, end, row, got, want)
				}
			}
		}
	}
}
