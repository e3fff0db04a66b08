// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pernode is a cache of sums over the pods of each node, kept until the node changes.
package pernode

import (
	"sync"
	"sync/atomic"

	fwk "k8s.io/kube-scheduler/framework"
)

// Cache keeps one value per node. Adding up the pods of a node takes microseconds, so it is done
// once for each generation of its NodeInfo and each epoch of the forecasts. The goroutines of
// Filter and Score read without a lock. The zero value is ready.
type Cache[T any] struct {
	entries sync.Map // of *entry[T] by node name
	count   atomic.Int64
	// recent holds the same entries by the low bits of their generation, which differ between most
	// nodes. Looking an entry up by name takes several times as long.
	recent atomic.Pointer[[slots]atomic.Pointer[entry[T]]]
}

// slots is a power of two: 32,768 pointers take 256 KiB. With 15,000 nodes, two in five share their
// slot with another node.
const slots = 1 << 15

type entry[T any] struct {
	name       string
	generation int64
	epoch      uint64
	value      T
}

// Get returns the value kept for this generation of the node and this epoch, or else calls sum and
// keeps its result. The value must not be changed.
func (c *Cache[T]) Get(state fwk.CycleState, node fwk.NodeInfo, epoch uint64, sum func() T) *T {
	if state.IsPodGroupSchedulingCycle() {
		// Upstream adds a group's pods to the NodeInfo on trial and then restores its old
		// generation. So the generation does not tell which pods are on the node.
		v := sum()
		return &v
	}
	name, generation := node.Node().Name, node.GetGeneration()
	if recent := c.recent.Load(); recent != nil {
		if e := recent[generation&(slots-1)].Load(); e != nil && e.generation == generation && e.epoch == epoch && e.name == name {
			return &e.value
		}
	}
	if known, found := c.entries.Load(name); found {
		if e := known.(*entry[T]); e.generation == generation && e.epoch == epoch {
			c.remember(e)
			return &e.value
		}
	}
	return &c.put(&entry[T]{name, generation, epoch, sum()}).value
}

// Put stores the value of a node for a generation and an epoch.
func (c *Cache[T]) Put(name string, generation int64, epoch uint64, value T) {
	c.put(&entry[T]{name, generation, epoch, value})
}

func (c *Cache[T]) put(e *entry[T]) *entry[T] {
	if _, loaded := c.entries.Swap(e.name, e); !loaded {
		c.count.Add(1)
	}
	c.remember(e)
	return e
}

func (c *Cache[T]) remember(e *entry[T]) {
	if c.recent.Load() == nil {
		c.recent.CompareAndSwap(nil, new([slots]atomic.Pointer[entry[T]]))
	}
	if recent := c.recent.Load(); recent != nil { // unless Forget was quicker
		recent[e.generation&(slots-1)].Store(e)
	}
}

// Kept returns the value kept for a node, of whatever epoch, and its generation.
func (c *Cache[T]) Kept(name string) (generation int64, value T, ok bool) {
	if known, found := c.entries.Load(name); found {
		e := known.(*entry[T])
		return e.generation, e.value, true
	}
	return 0, value, false
}

// Each calls do for the value of each node, in no particular order.
func (c *Cache[T]) Each(do func(name string, generation int64, value T)) {
	c.entries.Range(func(name, known any) bool {
		e := known.(*entry[T])
		do(name.(string), e.generation, e.value)
		return true
	})
}

// Forget empties the cache if it holds more than 2·nodes + 100 values: with 1,000 nodes, more than
// 2,100. Values of nodes that are gone would add up otherwise. Call it once a cycle, before Get.
func (c *Cache[T]) Forget(nodes int) {
	if c.count.Load() > int64(2*nodes+100) {
		c.entries.Clear()
		c.count.Store(0)
		c.recent.Store(nil)
	}
}

// Len returns the number of nodes with a value.
func (c *Cache[T]) Len() int { return int(c.count.Load()) }
