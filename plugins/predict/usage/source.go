// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"errors"
	"time"
)

// ErrEmpty is the error of a Source whose query was answered without a single sample.
// A cluster without a node has no use for forecasts, so this is a fault of the query or
// of the queried server, and it must not pass as an idle cluster.
var ErrEmpty = errors.New("the answer holds no samples")

// ErrEnd is the error of a Source after its last reading. It is no other package's: a server that closes its connection is io.EOF to
// net/http, and comes back.
var ErrEnd = errors.New("the source has ended")

// Source is where readings come from.
type Source interface {
	// Name of the source for logs and metrics, such as "metrics.k8s.io".
	Name() string
	// Read takes one reading. It returns before or soon after ctx ends. When a part of the
	// nodes fails, it returns what it read and lists them in Failed; when nothing could be
	// read, it returns an error. A source that has an end returns ErrEnd
	// after its last reading. One reader calls at a time.
	Read(ctx context.Context) (Reading, error)
}

// Historian is a Source that can tell the past as well.
type Historian interface {
	// History calls deliver with one reading per step, in order of time, for the times
	// from, from+step, and so on until to, both included. Steps about which nothing is
	// known are left out. It stops at the first error, of its own or of deliver.
	History(ctx context.Context, from, to time.Time, step time.Duration, deliver func(Reading) error) error
}
