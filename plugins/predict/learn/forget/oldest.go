// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package forget bounds what is remembered: what was used longest ago goes first.
package forget

import "slices"

// Batch is how many of most entries go at a time, so that a full map is not sorted for each new entry.
func Batch(most int) int { return max(1, most/50) }

// Oldest deletes the n entries of m that come first by compare, and tells dropped of each; dropped may be nil.
func Oldest[K comparable, V any](m map[K]V, n int, compare func(a, b V) int, dropped func(V)) {
	type entry struct {
		key   K
		value V
	}
	all := make([]entry, 0, len(m))
	for k, v := range m {
		all = append(all, entry{k, v})
	}
	slices.SortFunc(all, func(a, b entry) int { return compare(a.value, b.value) })
	for _, e := range all[:max(0, min(n, len(all)))] {
		delete(m, e.key)
		if dropped != nil {
			dropped(e.value)
		}
	}
}
