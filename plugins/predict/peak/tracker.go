// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import "math"

// Tracker keeps the violation rate of a fleet's forecasts at its target while the world drifts away from the
// training data. It is conformal inference for distribution shift (Gibbs and Candès, 2021) with the integral control of
// Angelopoulos, Candès and Tibshirani (Conformal PID control, 2023): the level of all forecasts rises with every
// violation and sinks slowly otherwise. Over T rounds the violation rate differs from the target by at most
// (the range the level moved through) / (Gain·T), whatever the data.
//
// A violation of a long horizon is reported in the round in which it happens, not when the horizon ends: late feedback
// keeps raising a level that the forecasts have learned to exceed already. It is not safe for concurrent use.
type Tracker struct {
	target, gain, log float64
}

// maxLevel bounds the level to [1/maxLevel, maxLevel]: beyond it the model is wrong, and no factor mends it.
const maxLevel = 4

// NewTracker returns a tracker of the violation rate target, in (0, 1), whose level grows by gain times the excess,
// as a logarithm, per round.
func NewTracker(target, gain float64) *Tracker { return &Tracker{target: target, gain: gain} }

// Level returns the factor for the next forecasts.
func (t *Tracker) Level() float64 { return math.Exp(t.log) }

// Round ends a round, usually an hour, in which the given share of the decisions of one round turned out violated.
// The share may pass 1 when a peak violates the decisions of several rounds at once. A share that is NaN or negative
// is ignored.
func (t *Tracker) Round(share float64) {
	if !(share >= 0) {
		return
	}
	bound := math.Log(maxLevel)
	t.log = min(bound, max(-bound, t.log+t.gain*(share-t.target)))
}
