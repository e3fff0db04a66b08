// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"errors"
	"time"
)

// ErrEmpty is the error of a Source whose query returned no samples. A cluster without nodes needs
// no forecasts, so the query or the queried server is at fault, and this must not pass as an idle
// cluster.
var ErrEmpty = errors.New("the answer holds no samples")

// ErrEnd is the error of a Source after its last reading. It is distinct from io.EOF, which
// net/http returns when a server closes its connection: such a server comes back.
var ErrEnd = errors.New("the source has ended")

// Source is a source of readings.
type Source interface {
	// Name returns the name of the source for logs and metrics, such as "metrics.k8s.io".
	Name() string
	// Read takes one reading. It returns before or soon after ctx ends. If some nodes fail, it
	// returns the rest and lists the failed ones in Failed. If nothing could be read, it returns an
	// error. A source with an end returns ErrEnd after its last reading. It is called by one
	// goroutine at a time.
	Read(ctx context.Context) (Reading, error)
}

// Historian is a Source that also knows the past.
type Historian interface {
	// History calls deliver with one reading per step, in order of time, for the times from,
	// from+step, and so on up to and including to. Steps about which nothing is known are left out.
	// It stops at the first error, its own or one of deliver.
	History(ctx context.Context, from, to time.Time, step time.Duration, deliver func(Reading) error) error
}
