// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"time"
)

// PodValue is the answer of a user's query for one pod: a finite number of at least 0, in the
// query's unit.
type PodValue struct {
	Namespace, Name string
	// UID is that of the pod, or empty if the query does not tell it.
	UID   string
	Value float64
}

// PodAsker answers users' queries about pods.
type PodAsker interface {
	// AskPods runs a query for one moment and calls each with every value that can be believed. The
	// others are counted. If an error is returned, each may have been called with a part of the
	// answer.
	AskPods(ctx context.Context, query string, at time.Time, each func(PodValue)) (Drops, error)
	// PodWindow returns how long before the moment the window of an average in the answer may have
	// begun.
	PodWindow() time.Duration
}
