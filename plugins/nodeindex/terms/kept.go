// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const (
	// NoFit in place of a kept score: the pod does not fit.
	NoFit = int32(-1)
	// Infeasible in place of a total is less than any.
	Infeasible = int64(math.MinInt64)
	// Refused in place of how many taints of a class a pod dislikes.
	Refused = int32(-1)

	// maxWeight of what is kept lets the sum be one of 32 bits.
	maxWeight = 1_000_000
)

// Shape is all of a pod, and of what is predicted for it, that keepers judge rows by: pods of one shape have the same
// verdicts. Each keeper has its part, of which the zero value has nothing to say.
type Shape struct {
	Requests
	peak, pressure outlook
	asked          [maxAsked]any
}

// World is all else that keepers judge rows by, each its part; the zero value has nothing to say. What was kept in
// another world counts no more.
type World struct {
	snapshot *forecast.Snapshot
	asked    [maxAsked]struct {
		says bool
		of   any
	}
}

// Enter makes this world the other one, but for parts of it that have nothing to say, and returns whether that differs.
func (w *World) Enter(now *World) (differs bool) {
	if now.snapshot != nil && now.snapshot != w.snapshot {
		w.snapshot, differs = now.snapshot, true
	}
	for i := range now.asked {
		if part := &now.asked[i]; part.says && part.of != w.asked[i].of {
			w.asked[i], differs = *part, true
		}
	}
	return differs
}

// Kept is what keepers have made of all rows for the pods of one shape.
type Kept struct {
	// Scores by row, weighted, or NoFit.
	Scores []int32
	// Pressed says by row how many disliked taints predicted pressure counts as.
	Pressed []int8
	// raw scores of the plugins that are asked, where what they are worth depends on other rows.
	raw [maxAsked][]int64
	// until when all of it holds; the zero time is for good.
	until time.Time
}

// Forget has every score judged anew.
func (k *Kept) Forget() { k.Scores, k.until = k.Scores[:0], time.Time{} }
