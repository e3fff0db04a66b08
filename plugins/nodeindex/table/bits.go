// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import "math"

// Bits hold a bit for each row.
type Bits []uint64

// Has reports whether the row's bit is set.
func (b Bits) Has(row int32) bool { return b[row/64]>>(row%64)&1 != 0 }

// Set sets the row's bit.
func (b Bits) Set(row int32) { b[row/64] |= 1 << (row % 64) }

// Clear clears the row's bit.
func (b Bits) Clear(row int32) { b[row/64] &^= 1 << (row % 64) }

// SetRange sets the bits from first up to, but not including, end.
func (b Bits) SetRange(first, end int) {
	for at := first; at < end; {
		if at%64 == 0 && end-at >= 64 {
			b[at/64] = math.MaxUint64
			at += 64
			continue
		}
		b.Set(int32(at))
		at++
	}
}

// Grow returns the bits with room for that many rows. Bits of new words are clear.
func (b Bits) Grow(rows int) Bits {
	known, words := len(b), (rows+63)/64
	if known >= words {
		return b
	}
	if cap(b) < words {
		return append(make(Bits, 0, words+words/16), b...)[:words] // append alone would double it
	}
	b = b[:words]
	clear(b[known:])
	return b
}
