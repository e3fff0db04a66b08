// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
)

// changes are the names of nodes that differ between the snapshot and what the index has seen.
type changes struct {
	mu sync.Mutex
	// cached are the nodes changed in the cache since the last snapshot was taken.
	cached changed
	// taken are the nodes changed in the snapshot since the index last looked.
	taken changed
}

// maxChanged is the number of names that are kept. With more, comparing all nodes is no slower.
const maxChanged = 1 << 14

// changed is a set of changed nodes. While no pod asks the index, nobody empties it, so it is
// bounded.
type changed struct {
	names map[string]struct{}
	all   bool // and no names
}

func (c *changed) add(name string) {
	if c.all {
		return
	}
	if len(c.names) >= maxChanged {
		c.addAll()
		return
	}
	c.names[name] = struct{}{}
}

func (c *changed) addAll() { *c = changed{names: map[string]struct{}{}, all: true} }

func newChanges() *changes {
	c := &changes{cached: changed{names: map[string]struct{}{}}}
	c.taken.addAll()
	return c
}

// take returns what changed since the last call. The map is valid until the next call.
func (c *changes) take() (names map[string]struct{}, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names, all = c.taken.names, c.taken.all
	c.taken = changed{names: map[string]struct{}{}}
	return names, all
}

// all declares everything that the index has seen outdated.
func (c *changes) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken.addAll()
}

// cache is upstream's cache, and notes which nodes change. A change and its note are made under one
// lock, so a snapshot sees both or neither: a node changed in the snapshot is noted, and any other
// will be.
type cache struct {
	internalcache.Cache
	*changes
}

var _ internalcache.Cache = &cache{}

// UpdateSnapshot updates the snapshot and hands the notes to the index.
func (c *cache) UpdateSnapshot(logger klog.Logger, snapshot *internalcache.Snapshot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.Cache.UpdateSnapshot(logger, snapshot)
	if err != nil || c.cached.all {
		c.taken.addAll()
	}
	switch {
	case c.taken.all:
	case len(c.taken.names) == 0:
		c.cached.names, c.taken.names = c.taken.names, c.cached.names
	default:
		for name := range c.cached.names {
			c.taken.add(name)
		}
	}
	clear(c.cached.names)
	c.cached.all = false
	return err
}

// notePods notes the nodes that a change of pods changes: those that the pods name, and those that
// the cache has them on, from which upstream removes them.
func (c *cache) notePods(change func() error, pods ...*v1.Pod) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pod := range pods {
		c.cached.add(pod.Spec.NodeName)
		if known, err := c.Cache.GetPod(pod); err == nil {
			c.cached.add(known.Spec.NodeName)
		}
	}
	return change()
}

// AssumePod notes the pod's node.
func (c *cache) AssumePod(logger klog.Logger, pod *v1.Pod) error {
	return c.notePods(func() error { return c.Cache.AssumePod(logger, pod) }, pod)
}

// ForgetPod notes the pod's node.
func (c *cache) ForgetPod(logger klog.Logger, pod *v1.Pod) error {
	return c.notePods(func() error { return c.Cache.ForgetPod(logger, pod) }, pod)
}

// RemoveAssumedPod notes the pod's node.
func (c *cache) RemoveAssumedPod(logger klog.Logger, pod *v1.Pod) error {
	return c.notePods(func() error { return c.Cache.RemoveAssumedPod(logger, pod) }, pod)
}

// AddPod notes the pod's node, and the node that it was assumed on.
func (c *cache) AddPod(logger klog.Logger, pod *v1.Pod) error {
	return c.notePods(func() error { return c.Cache.AddPod(logger, pod) }, pod)
}

// UpdatePod notes the pod's nodes.
func (c *cache) UpdatePod(logger klog.Logger, oldPod, newPod *v1.Pod) error {
	return c.notePods(func() error { return c.Cache.UpdatePod(logger, oldPod, newPod) }, oldPod, newPod)
}

// RemovePod notes the pod's node.
func (c *cache) RemovePod(logger klog.Logger, pod *v1.Pod) error {
	return c.notePods(func() error { return c.Cache.RemovePod(logger, pod) }, pod)
}

func (c *cache) noteNode(change func() error, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached.add(name)
	return change()
}

// AddNode notes the node.
func (c *cache) AddNode(logger klog.Logger, node *v1.Node) {
	_ = c.noteNode(func() error { c.Cache.AddNode(logger, node); return nil }, node.Name)
}

// UpdateNode notes the node.
func (c *cache) UpdateNode(logger klog.Logger, oldNode, newNode *v1.Node) {
	_ = c.noteNode(func() error { c.Cache.UpdateNode(logger, oldNode, newNode); return nil }, newNode.Name)
}

// RemoveNode notes the node.
func (c *cache) RemoveNode(logger klog.Logger, node *v1.Node) error {
	return c.noteNode(func() error { return c.Cache.RemoveNode(logger, node) }, node.Name)
}
