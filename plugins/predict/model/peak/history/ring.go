// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"math"
	"unsafe"
)

// Ring holds the newest numbers of a sequence, one an hour or a day, in 16 bits each: numbers from 0 on, to one in 4,096. It takes
// memory as it fills. How many it holds is up to its owner, who says the same at each call: at most 256. The zero Ring is empty.
type Ring struct {
	codes []uint16
	first uint8 // index of the first code, modulo the number of those that are held
	top   uint8 // exponent of the largest number, as a float32 has it
}

const (
	mantissa  = 11 // bits of a code, below its exponent
	exponents = 31 // that a code tells apart: a number is nothing beside one that is 2³⁰ times as large
	none      = 0  // the code of no number
	zero      = 1
)

// Rounded is the number that a Ring holds for v.
func Rounded(v float32) float32 {
	if !(v >= math.SmallestNonzeroFloat32*(1<<23)) { // what a float32 does not hold in full
		return 0
	}
	return math.Float32frombits(significant(v) << (23 - mantissa))
}

// significant bits of v, rounded: exponent and mantissa.
func significant(v float32) uint32 {
	return (math.Float32bits(v) + 1<<(22-mantissa)) >> (23 - mantissa)
}

// At returns the number with index i of a ring of n, or unknown. The number n before it is returned where it has not been set.
func (r *Ring) At(i int64, n int) float32 {
	slot := r.slot(i, n)
	if slot >= len(r.codes) {
		return unknown
	}
	switch code := r.codes[slot]; code {
	case none:
		return unknown
	case zero:
		return 0
	default:
		exponent := uint32(r.top) + uint32(code>>mantissa) - exponents
		return math.Float32frombits(exponent<<23 | uint32(code&(1<<mantissa-1))<<(23-mantissa))
	}
}

// Set makes v the number with index i of a ring of n, in place of the one n before it. A negative number is unknown.
func (r *Ring) Set(i int64, v float32, n int) {
	if len(r.codes) == 0 {
		if v < 0 {
			return
		}
		r.first = uint8(mod(i, int64(n)))
	}
	slot := r.slot(i, n)
	if slot >= len(r.codes) {
		if v < 0 {
			return
		}
		const step = 8 // codes are 16 bytes
		grown := make([]uint16, min(n, (slot/step+1)*step))
		copy(grown, r.codes)
		r.codes = grown
	}
	r.codes[slot] = r.code(v)
}

func (r *Ring) slot(i int64, n int) int {
	slot := int(mod(i, int64(n))) - int(r.first)
	if slot < 0 {
		slot += n
	}
	return slot
}

func (r *Ring) code(v float32) uint16 {
	if v < 0 {
		return none
	}
	v = Rounded(v)
	if v == 0 {
		return zero
	}
	bits := significant(v)
	exponent := int(bits >> mantissa)
	if exponent > int(r.top) {
		r.raise(exponent)
	}
	e := exponent - int(r.top) + exponents
	if e < 1 {
		return zero
	}
	return uint16(e)<<mantissa | uint16(bits&(1<<mantissa-1))
}

// raise makes room for a number with a larger exponent.
func (r *Ring) raise(top int) {
	by := top - int(r.top)
	for i, code := range r.codes {
		if code == none || code == zero {
			continue
		}
		if e := int(code>>mantissa) - by; e >= 1 {
			r.codes[i] = uint16(e)<<mantissa | code&(1<<mantissa-1)
		} else {
			r.codes[i] = zero
		}
	}
	r.top = uint8(top)
}

// Bytes that the ring takes beside itself.
func (r *Ring) Bytes() int { return cap(r.codes) * int(unsafe.Sizeof(r.codes[0])) }
