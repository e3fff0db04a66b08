// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The cache holds what was asked for last, as many as its limit allows, also when that shrinks, and its slice holds the same.
func TestCache(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var c cache[int]
	dropped := 0
	c.init(8, func(int) { dropped++ })
	var used []int // the last used one last
	put := 0
	for i := range 5000 {
		if i%500 == 0 {
			c.limit = 1 + random.IntN(8)
		}
		value := random.IntN(12)
		key := fmt.Appendf(nil, "%d", value)
		got, ok := c.get(key)
		if ok != slices.Contains(used, value) || ok && got != value {
			t.Fatalf("%d: got %d, %v; used last: %v", value, got, ok, used)
		}
		used = slices.DeleteFunc(used, func(v int) bool { return v == value })
		if !ok {
			c.put(key, value)
			put++
			used = used[max(0, len(used)-c.limit+1):]
		}
		used = append(used, value)
		if got, want := slices.Sorted(slices.Values(c.all())), slices.Sorted(slices.Values(used)); !slices.Equal(got, want) {
			t.Fatalf("the cache holds %v, want %v", got, want)
		}
	}
	if dropped != put-len(used) {
		t.Errorf("%d were dropped of %d, %d are held", dropped, put, len(used))
	}
}
