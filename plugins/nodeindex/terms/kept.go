// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const (
	// NoFit replaces a kept score if the pod does not fit.
	NoFit = int32(-1)
	// Infeasible replaces the total of an infeasible row and is less than any total.
	Infeasible = int64(math.MinInt64)
	// Refused replaces the number of disliked taints of a class of taints that the pod does not
	// tolerate.
	Refused = int32(-1)

	// maxWeight is the largest weight of what is kept, so that the sum fits into 32 bits.
	maxWeight = 1_000_000
)

// Shape is everything about a pod and its forecast by which keepers judge rows. Pods of the same
// shape have the same verdicts. Each keeper has its part, and the zero value of a part has no
// effect.
type Shape struct {
	Requests
	peak, pressure outlook
	asked          [maxAsked]any
}

// World is everything else by which keepers judge rows, each by its part. The zero value of a part
// has no effect. What was kept in another world no longer counts.
type World struct {
	snapshot *forecast.Snapshot
	asked    [maxAsked]struct {
		says bool
		of   any
	}
}

// Enter sets this world to now, except for parts of now that have no effect, and reports whether
// that changed it.
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

// Kept are the verdicts of keepers on all rows for the pods of one shape.
type Kept struct {
	// Scores are the weighted scores by row, or NoFit.
	Scores []int32
	// Pressed is, by row, how many disliked taints predicted pressure counts as.
	Pressed []int8
	// raw are the raw scores of the plugins that are asked, if their value depends on other rows.
	raw [maxAsked][]int64
	// until is the time up to which all of it holds. The zero time means for good.
	until time.Time
}

// Forget drops all scores, so that every row is judged anew.
func (k *Kept) Forget() { k.Scores, k.until = k.Scores[:0], time.Time{} }
