// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
)

// changes are the names of nodes that differ between what the index has seen and the
// snapshot.
type changes struct {
	mu sync.Mutex
	// cached are changed in the cache, since the last snapshot was taken.
	cached map[string]struct{}
	// taken are changed in the snapshot, since the index looked.
	taken map[string]struct{}
	every bool
}

func newChanges() *changes {
	return &changes{cached: map[string]struct{}{}, taken: map[string]struct{}{}, every: true}
}

// take returns what changed since the last call; the map is valid until the next one.
func (c *changes) take() (names map[string]struct{}, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names, all = c.taken, c.every
	c.taken, c.every = map[string]struct{}{}, false
	return names, all
}

// all says that nothing the index has seen counts.
func (c *changes) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.every = true
}

// cache is upstream's, and notes which nodes change. The lock makes a change and its note
// one for whoever takes a snapshot: a node that is in the snapshot is noted, and one that
// is not will be.
type cache struct {
	internalcache.Cache
	*changes
}

var _ internalcache.Cache = &cache{}

// UpdateSnapshot moves the notes to where the index finds them.
func (c *cache) UpdateSnapshot(logger klog.Logger, snapshot *internalcache.Snapshot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.Cache.UpdateSnapshot(logger, snapshot)
	if err != nil {
		c.every = true
	}
	if len(c.taken) == 0 {
		c.cached, c.taken = c.taken, c.cached
		return err
	}
	for name := range c.cached {
		c.taken[name] = struct{}{}
	}
	clear(c.cached)
	return err
}

// notePods notes the nodes that a change of the pods changes: those that the pods name, and
// those that the cache has them on, from where upstream takes them away.
func (c *cache) notePods(change func() error, pods ...*v1.Pod) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pod := range pods {
		c.cached[pod.Spec.NodeName] = struct{}{}
		if known, err := c.Cache.GetPod(pod); err == nil {
			c.cached[known.Spec.NodeName] = struct{}{}
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

// AddPod notes the pod's node, and the one that it was assumed on.
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
	c.cached[name] = struct{}{}
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
