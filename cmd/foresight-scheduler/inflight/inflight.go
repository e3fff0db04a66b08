// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inflight bounds how many writes of a client are on their way at a time.
//
// Upstream binds each pod in a goroutine of its own. A scheduler that finds nodes faster than a busy API server takes bindings has
// thousands of them on their way, all of which get slow together: until they are given up, though many were carried out, and tried
// again, and until the renewal of the lease is late as well. With a bound, what is sent is answered soon, and the rest waits here.
package inflight

import (
	"errors"
	"io"
	"net/http"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics"
)

// Limit is how many writes there are at a time. With an answer after 10 ms, 100 are 10,000 bindings a second, more than the client's
// rate allows. An API server lets 600 requests of all its clients in by default, about 100 of them of the priority level that
// schedulers have.
const Limit = 100

// Install bounds the writes of client. The elector has a client of its own.
func Install(client kubernetes.Interface, limit int, register func(...metrics.Registerable)) error {
	// All groups of a clientset share one http.Client.
	core, ok := client.CoreV1().RESTClient().(*rest.RESTClient)
	if !ok || core == nil || core.Client == nil {
		return errors.New("bounding the writes of the scheduler's client: its clientset has no http.Client")
	}
	waiting := metrics.NewGauge(&metrics.GaugeOpts{
		Name: "foresight_api_writes_waiting", StabilityLevel: metrics.ALPHA,
		Help: "Writes that wait because the API server has not answered as many as may be on their way at a time.",
	})
	register(waiting)
	core.Client.Transport = &transport{next: core.Client.Transport, slots: make(chan struct{}, limit), waiting: waiting}
	return nil
}

type transport struct {
	next    http.RoundTripper
	slots   chan struct{}
	waiting *metrics.Gauge
}

// RoundTrip waits for its turn, in the order of the calls. The turn ends when the answer has been read.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
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
			if r.Body != nil {
				_ = r.Body.Close() // A RoundTripper closes it, also on errors.
			}
			return nil, r.Context().Err()
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
