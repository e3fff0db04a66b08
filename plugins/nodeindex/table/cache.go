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

// put adds a value that get did not find, in place of the least used one when full.
func (c *cache[T]) put(key []byte, value T) {
	c.clock++
	e := &entry[T]{value: value, used: c.clock}
	if len(c.values) < c.limit {
		e.place = len(c.values)
		c.values = append(c.values, value)
	} else {
		var oldest string
		for k, o := range c.byKey {
			if oldest == "" || o.used < c.byKey[oldest].used {
				oldest = k
			}
		}
		o := c.byKey[oldest]
		delete(c.byKey, oldest)
		if c.drop != nil {
			c.drop(o.value)
		}
		e.place = o.place
		c.values[e.place] = value
	}
	c.byKey[string(key)] = e
}
