// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package readiness has a scheduler that cannot lead say so.
//
// Upstream's /readyz knows whether the caches are filled. It does not know that the lease is forbidden, that its namespace does
// not exist, or that the API server is out of reach: such a scheduler would never lead and look ready, and a rollout would
// replace the one that works by it.
package readiness

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// Lock is a leader lock that remembers how its last request went.
type Lock struct {
	resourcelock.Interface
	log      klog.Logger
	patience time.Duration
	now      func() time.Time

	mu sync.Mutex
	// worked is when a request last did, at first when the lock was made.
	worked time.Time
	// failed is the error of the last request, nil when it worked.
	failed error
	denied bool
}

// Watch returns the lock with a memory. A lock that cannot be reached, for another reason than that the API server refuses it,
// is let pass for as long as patience.
func Watch(ctx context.Context, lock resourcelock.Interface, patience time.Duration) *Lock {
	return &Lock{Interface: lock, log: klog.FromContext(ctx), patience: patience, now: time.Now, worked: time.Now()}
}

// Get is the lock's. That there is no lease yet is an answer as any other.
func (l *Lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if apierrors.IsNotFound(err) {
		// Whether one may be made shows in Create.
		return record, raw, err
	}
	l.note(err)
	return record, raw, err
}

// Create is the lock's. Another one may have been faster.
func (l *Lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, record)
	if apierrors.IsAlreadyExists(err) {
		l.note(nil)
	} else {
		l.note(err)
	}
	return err
}

// Update is the lock's. Another one may have been faster.
func (l *Lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Update(ctx, record)
	if apierrors.IsConflict(err) {
		l.note(nil)
	} else {
		l.note(err)
	}
	return err
}

// note remembers how a request went, and says once when the API server begins to refuse and when it no longer does.
func (l *Lock) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = err
	denied := apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err)
	switch {
	case denied && !l.denied:
		l.log.Error(err, "The API server refuses the leader lease: this scheduler cannot lead and is not ready. "+
			"It needs to create leases in the lease's namespace, and to get and update this one", "lease", l.Describe())
	case !denied && l.denied && err == nil:
		l.log.Info("The leader lease is no longer refused", "lease", l.Describe())
	}
	l.denied = denied
	if err == nil {
		l.worked = l.now()
	}
}

// Check returns why this scheduler cannot lead, and nil when it can or another one does.
func (l *Lock) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil || !l.denied && l.now().Sub(l.worked) < l.patience {
		return nil
	}
	return fmt.Errorf("leader lease %s: %w", l.Describe(), l.failed)
}
