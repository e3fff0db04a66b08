// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"

	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// turns give the scheduler's snapshot to one goroutine at a time: to the one that schedules, from when it has a pod until it asks for
// the next, and between pods to whoever copies the nodes. Upstream's cache can fill one snapshot only (it hands out changes of
// volumes once), so the copy is made of the scheduler's own.
type turns struct {
	turn     chan struct{} // holds one while it is taken
	sched    *scheduler.Scheduler
	snapshot *internalcache.Snapshot
	copies   []fwk.NodeInfo // by place in the snapshot's list; of whoever evaluates
}

// newTurns has the scheduler take turns. Call it after whoever else makes it wait for pods.
func newTurns(sched *scheduler.Scheduler, f framework.Framework) (*turns, error) {
	snapshot, ok := f.SnapshotSharedLister().(*internalcache.Snapshot)
	if !ok {
		return nil, fmt.Errorf("the scheduler's snapshot is a %T: decisions cannot be evaluated", f.SnapshotSharedLister())
	}
	t := &turns{turn: make(chan struct{}, 1), sched: sched, snapshot: snapshot}
	next, taken := sched.NextEntity, false
	sched.NextEntity = func(logger klog.Logger) (framework.QueuedEntityInfo, error) {
		if taken {
			<-t.turn
		}
		entity, err := next(logger)
		t.turn <- struct{}{}
		taken = true
		return entity, err
	}
	return t, nil
}

// copyNodes returns the nodes as they are now, in a slice of its own. Only nodes that have changed since the last call are copied
// while the scheduler waits: of 5,000 unchanged nodes it takes a look at each.
func (t *turns) copyNodes(ctx context.Context) ([]fwk.NodeInfo, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("the scheduler was busy with one pod: %w", ctx.Err())
	}
	defer func() { <-t.turn }()
	if err := t.sched.Cache.UpdateSnapshot(klog.FromContext(ctx), t.snapshot); err != nil {
		return nil, err
	}
	live, err := t.snapshot.NodeInfos().List()
	if err != nil {
		return nil, err
	}
	copies := make([]fwk.NodeInfo, len(live))
	for i, info := range live {
		// No two states of nodes have the same generation.
		if i < len(t.copies) && t.copies[i].GetGeneration() == info.GetGeneration() {
			copies[i] = t.copies[i]
		} else {
			copies[i] = info.Snapshot()
		}
	}
	t.copies = copies
	return copies, nil
}
