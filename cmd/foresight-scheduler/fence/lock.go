// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"context"
	"errors"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lock tells the fence of what the elector does and sees. The elector calls it from one
// goroutine.
type lock struct {
	resourcelock.Interface
	fence *Fence
	lost  func()
	// holder as it was last read.
	holder string
}

func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil {
		return nil, nil, err
	}
	l.holder = record.HolderIdentity
	if l.holder != l.Identity() {
		// Upstream goes on for up to a renew deadline after it has seen this.
		if held := l.fence.renewed.Swap(nil) != nil; held && l.holder != "" {
			l.lost()
		}
	}
	return record, raw, nil
}

func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(record, func() error { return l.Interface.Create(ctx, record) })
}

// Update refuses to release a lease that another one holds. client-go releases by what it
// believes and not by what it has just read, so that a leader that was paused, or cut off,
// and then ended, would take the lease away from its successor.
func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == "" {
		l.fence.renewed.Store(nil)
		if l.holder != l.Identity() {
			return errors.New("the lease is not ours to release")
		}
	}
	return l.write(record, func() error { return l.Interface.Update(ctx, record) })
}

func (l *lock) write(record resourcelock.LeaderElectionRecord, request func() error) error {
	begun := l.fence.now()
	if err := request(); err != nil {
		return err
	}
	l.holder = record.HolderIdentity
	if l.holder == l.Identity() {
		l.fence.renewed.Store(&begun)
	}
	return nil
}
