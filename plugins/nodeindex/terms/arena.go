// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

// arena lends slices that are taken back all at once. A search thus allocates nothing once it has
// seen pods of its kind.
type arena[T any] struct {
	buffer []T
	used   int
}

func (a *arena[T]) reset() { a.used = 0 }

// take lends n zero elements.
func (a *arena[T]) take(n int) []T {
	if a.used+n > len(a.buffer) {
		// Slices that are lent stay in the old buffer.
		a.buffer, a.used = make([]T, max(2*len(a.buffer), n)), 0
	}
	s := a.buffer[a.used : a.used+n : a.used+n]
	a.used += n
	clear(s)
	return s
}
