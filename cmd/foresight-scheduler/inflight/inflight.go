// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inflight bounds how many writes of a client are on their way at a time.
//
// Upstream binds each pod in a goroutine of its own. A scheduler that finds nodes faster than a busy API server takes bindings has
// thousands of them on their way, all of which get slow together: until they are given up, though many were carried out, and tried
// again, and until the renewal of the lease is late as well. With a bound, what is sent is answered soon, and the rest waits here.
package inflight

import (
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/writes"
)

// Limit is how many writes there are at a time. With an answer after 10 ms, 100 are 10,000 bindings a second, more than the client's
// rate allows. An API server lets 600 requests of all its clients in by default, about 100 of them of the priority level that
// schedulers have.
const Limit = 100

// Install bounds the writes of client. The elector has a client of its own.
func Install(client kubernetes.Interface, limit int, register func(...metrics.Registerable)) error {
	waiting := metrics.NewGauge(&metrics.GaugeOpts{
		Name: "foresight_api_writes_waiting", StabilityLevel: metrics.ALPHA,
		Help: "Writes that wait because the API server has not answered as many as may be on their way at a time.",
	})
	if err := writes.Wrap(client, func(next http.RoundTripper) http.RoundTripper {
		return &transport{next: next, slots: make(chan struct{}, limit), waiting: waiting}
	}); err != nil {
		return fmt.Errorf("bounding the writes of the scheduler's client: %w", err)
	}
	register(waiting)
	return nil
}

type transport struct {
	next    http.RoundTripper
	slots   chan struct{}
	waiting *metrics.Gauge
}

// RoundTrip waits for its turn, in the order of the calls. The turn ends when the answer has been read.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if writes.Reads(r) {
		return t.next.RoundTrip(r)
	}
	select {
	case t.slots <- struct{}{}:
	default:
		t.waiting.Inc()
		select {
		case t.slots <- struct{}{}:
			t.waiting.Dec()
		case <-r.Context().Done():
			t.waiting.Dec()
			return writes.Refuse(r, r.Context().Err())
		}
	}
	response, err := t.next.RoundTrip(r)
	if err != nil {
		<-t.slots
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, slots: t.slots}
	return response, nil
}

// WrappedRoundTripper lets client-go find what is below.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// body gives the turn back when it is closed, which client-go always does.
type body struct {
	io.ReadCloser
	slots  chan struct{}
	closed bool
}

func (b *body) Close() error {
	if !b.closed {
		b.closed = true
		defer func() { <-b.slots }()
	}
	return b.ReadCloser.Close()
}
