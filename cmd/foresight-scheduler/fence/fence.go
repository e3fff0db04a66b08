// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fence keeps a scheduler that may have lost its lease from writing anything.
//
// client-go's leader election "does not guarantee that only one client is acting as a
// leader (a.k.a. fencing)". A process that was paused does not know it when it goes on:
// upstream's elector may need another renew deadline until it gives up, and the scheduler
// binds pods all that time, and while the elector tries to release the lease it has lost.
// Here every write of the scheduler's client asks first how long ago the lease was renewed,
// and no write outlives that renewal; see docs/operate/leader-lock.md.
package fence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/writes"
)

// Fence is open while the lease was renewed less than the renew deadline ago. The others
// wait for the longer lease duration, and count it from a later instant, before they take
// over; what lies between is left for a write that is on its way.
type Fence struct {
	limit   time.Duration
	now     func() instant
	metrics *Metrics
	// renewed is when the request of the last successful renewal was begun, nil while the
	// lease is not held.
	renewed atomic.Pointer[instant]
}

// Install puts a fence around all that client writes, driven by the lock of an election
// that does not run yet. lost is called when another one is seen to hold a lease that was
// ours; it should end the process, and nothing is written should it return. The elector
// has a client of its own, which may always write.
func Install(election *leaderelection.LeaderElectionConfig, client kubernetes.Interface, metrics *Metrics, lost func()) error {
	f := &Fence{limit: election.RenewDeadline, now: now, metrics: metrics}
	if err := writes.Wrap(client, func(next http.RoundTripper) http.RoundTripper { return &transport{next: next, fence: f} }); err != nil {
		return fmt.Errorf("fencing the scheduler's client: %w", err)
	}
	election.Lock = &lock{Interface: election.Lock, fence: f, lost: lost}
	return nil
}

// Of returns the fence that Install has put around the election's client, or nil.
func Of(election *leaderelection.LeaderElectionConfig) *Fence {
	if election == nil {
		return nil
	}
	if l, ok := election.Lock.(*lock); ok {
		return l.fence
	}
	return nil
}

// look is how often Await looks whether the fence is open again.
const look = 50 * time.Millisecond

// Await returns when writes pass, which is at once on a healthy leader, or when the context ends. What is tried in vain is
// tried again and told as an error each time, for all pods that wait; who asks here first tries nothing in vain.
func (f *Fence) Await(ctx context.Context) {
	if f.left() > 0 {
		return
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for f.left() <= 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Open says whether writes pass.
func (f *Fence) Open() bool { return f.left() > 0 }

// left is for how long the last renewal allows writes, at most zero when it does not.
func (f *Fence) left() time.Duration {
	renewed := f.renewed.Load()
	if renewed == nil {
		return 0
	}
	return f.limit - f.now().since(*renewed)
}

// transport is the gate that requests pass after client-go's rate limiter, which may have
// kept them for long.
type transport struct {
	next  http.RoundTripper
	fence *Fence
}

// RoundTrip refuses what would write without the lease, and takes back what is not
// answered by the time the lease might be another's: a request that is stuck in the
// network is not to arrive then.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if writes.Reads(r) {
		return t.next.RoundTrip(r)
	}
	left := t.fence.left()
	if left <= 0 {
		t.fence.metrics.refused.Inc()
		return writes.Refuse(r, errNotHeld)
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), left, errNotHeld)
	response, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if errors.Is(context.Cause(ctx), errNotHeld) {
			t.fence.metrics.refused.Inc()
			err = errNotHeld
		}
		cancel()
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, cancel: cancel}
	return response, nil
}

// WrappedRoundTripper lets client-go find what is below.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// errNotHeld is what a refused write ends with.
var errNotHeld = errors.New("the leader lease was not renewed in time and may be another's: nothing is written")

// body ends the context of its request when it is closed, which client-go always does.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
