// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pernode keeps what is added up over a node's pods for as long as the node does not change.
package pernode

import (
	"sync"
	"sync/atomic"

	fwk "k8s.io/kube-scheduler/framework"
)

// Cache keeps one value per node. Adding up a node's pods costs microseconds, so it is done once for each generation of
// its NodeInfo and epoch of what the pods are judged by; Filter's and Score's goroutines read without a lock. The zero
// value is ready.
type Cache[T any] struct {
	entries sync.Map // of *entry[T] by node name
	count   atomic.Int64
	// recent are the entries once more, by the last bits of their generation, which tell nodes apart mostly: to look a name
	// up takes several times as long.
	recent atomic.Pointer[[slots]atomic.Pointer[entry[T]]]
}

// slots is a power of two, 256 KiB of pointers; with 15,000 nodes two in five share their slot with another.
const slots = 1 << 15

type entry[T any] struct {
	name       string
	generation int64
	epoch      uint64
	value      T
}

// Get returns what sum returns, or what it returned for this generation of the node and this epoch. Nobody may write to it.
func (c *Cache[T]) Get(state fwk.CycleState, node fwk.NodeInfo, epoch uint64, sum func() T) *T {
	if state.IsPodGroupSchedulingCycle() {
		// Upstream tries a group's pods out on the NodeInfo and gives it back its old generation, which then says nothing
		// about its pods.
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

// Put keeps the value of a node at a generation and an epoch.
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

// Kept returns the value that is kept of a node, whatever its epoch, and the generation that it is of.
func (c *Cache[T]) Kept(name string) (generation int64, value T, ok bool) {
	if known, found := c.entries.Load(name); found {
		e := known.(*entry[T])
		return e.generation, e.value, true
	}
	return 0, value, false
}

// Each calls do with what is kept of each node, in no order.
func (c *Cache[T]) Each(do func(name string, generation int64, value T)) {
	c.entries.Range(func(name, known any) bool {
		e := known.(*entry[T])
		do(name.(string), e.generation, e.value)
		return true
	})
}

// Forget starts over when the values of nodes that are gone outnumber those of the nodes that there are. Call it once a
// cycle, before Get.
func (c *Cache[T]) Forget(nodes int) {
	if c.count.Load() > int64(2*nodes+100) {
		c.entries.Clear()
		c.count.Store(0)
		c.recent.Store(nil)
	}
}

// Len returns of how many nodes a value is kept.
func (c *Cache[T]) Len() int { return int(c.count.Load()) }
