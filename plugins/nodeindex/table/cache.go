// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

// cache holds the values that were asked for last.
type cache[T any] struct {
	byKey map[string]*entry[T]
	// values are the same in a slice, for a loop.
	values []T
	limit  int
	clock  int64
	asked  int64 // the clock when the question in hand was begun
	drop   func(T)
}

type entry[T any] struct {
	value T
	place int // in values
	used  int64
}

func (c *cache[T]) init(limit int, drop func(T)) {
	c.byKey, c.limit, c.drop = make(map[string]*entry[T]), limit, drop
}

// begin says that what was asked for until now is in use no more.
func (c *cache[T]) begin() { c.asked = c.clock }

// hasRoom says whether a value can be put in without taking the place of one that the question
// in hand has asked for.
func (c *cache[T]) hasRoom() bool {
	if len(c.values) < c.limit {
		return true
	}
	_, oldest := c.oldest()
	return oldest.used <= c.asked
}

func (c *cache[T]) oldest() (key string, oldest *entry[T]) {
	for k, e := range c.byKey {
		if oldest == nil || e.used < oldest.used {
			key, oldest = k, e
		}
	}
	return key, oldest
}

func (c *cache[T]) all() []T { return c.values }

func (c *cache[T]) get(key []byte) (T, bool) {
	e, ok := c.byKey[string(key)] // does not allocate
	if !ok {
		var none T
		return none, false
	}
	c.clock++
	e.used = c.clock
	return e.value, true
}

// put adds a value that get did not find, in place of the least used ones when full.
func (c *cache[T]) put(key []byte, value T) {
	for len(c.values) > 0 && len(c.values) >= c.limit { // which may have been greater
		c.evict()
	}
	c.clock++
	c.byKey[string(key)] = &entry[T]{value: value, place: len(c.values), used: c.clock}
	c.values = append(c.values, value)
}

// evict forgets the least used value; the last one takes its place.
func (c *cache[T]) evict() {
	key, oldest := c.oldest()
	delete(c.byKey, key)
	if c.drop != nil {
		c.drop(oldest.value)
	}
	last := len(c.values) - 1
	for _, e := range c.byKey {
		if e.place == last {
			e.place = oldest.place
			c.values[e.place] = e.value
		}
	}
	clear(c.values[last:])
	c.values = c.values[:last]
}
