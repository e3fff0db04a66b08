// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package postings

import "math/bits"

// Set of rows, a bit each.
type Set []uint64

// Has says whether the row is in the set.
func (s Set) Has(row int32) bool {
	word := int(row) / 64
	return word < len(s) && s[word]&(1<<(row%64)) != 0
}

// AppendTo appends the rows of the set to a slice, in ascending order.
func (s Set) AppendTo(rows []int32) []int32 {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			rows = append(rows, int32(i*64+bits.TrailingZeros64(word)))
		}
	}
	return rows
}

func (s Set) add(row int32) { s[row/64] |= 1 << (row % 64) }

func (s Set) remove(row int32) { s[row/64] &^= 1 << (row % 64) }

// grown is the set with room for the row.
func (s Set) grown(row int32) Set {
	for int(row)/64 >= len(s) {
		s = append(s, 0)
	}
	return s
}

// And leaves in s what is in the other set, too.
func (s Set) And(other Set) {
	for i := range s {
		if i < len(other) {
			s[i] &= other[i]
		} else {
			s[i] = 0
		}
	}
}

// The other set of these is no larger than s.

func (s Set) or(other Set) {
	for i, word := range other {
		s[i] |= word
	}
}

func (s Set) without(other Set) {
	for i, word := range other {
		s[i] &^= word
	}
}
