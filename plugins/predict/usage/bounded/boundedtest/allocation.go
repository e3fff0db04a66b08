// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package boundedtest holds parsers to the memory that they take.
package boundedtest

import (
	"runtime"
	"testing"
)

// Multiple is how many bytes a parser may allocate for each byte that it is given, what it frees again among them: a value of one
// byte in a text, with what parts it from the next, becomes eight in memory, beside names and what a growing slice leaves behind.
const Multiple = 64

// Fixed is what it may allocate however short its input is: buffers, clients, errors.
const Fixed = 1 << 20

// Allocates fails the test when parse allocates more than Multiple bytes for each of so many bytes of input.
func Allocates(t testing.TB, bytes int, parse func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	parse()
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > Fixed+Multiple*uint64(bytes) {
		t.Errorf("%d bytes of input allocated %d", bytes, grown)
	}
}
