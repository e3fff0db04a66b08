// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"time"
)

// PodValue is what a query of one's own says of a pod: a finite number, 0 or more, in the query's unit.
type PodValue struct {
	Namespace, Name string
	// UID of the pod; empty where the query does not tell it.
	UID   string
	Value float64
}

// PodAsker answers queries of one's own about pods.
type PodAsker interface {
	// AskPods asks a query for one moment, and hands on what can be believed of its answer, one by one. What cannot is counted. An answer
	// that fails may have handed on a part of it.
	AskPods(ctx context.Context, query string, at time.Time, each func(PodValue)) (Drops, error)
	// PodWindow is how long before the moment what such an answer averages may have begun.
	PodWindow() time.Duration
}
