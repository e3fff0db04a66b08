// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import "math"

// Tracker keeps the violation rate of a fleet's forecasts at its target while the world drifts away from the training
// data: the level of all forecasts rises with violations and sinks without. It is a controller of the fleet's budget of
// violations with a proportional part, which answers to the rate so far and is what brings that rate back, and an integral
// part, which finds the level a wrong model needs however long it takes (Angelopoulos, Candès and Tibshirani, Conformal PID
// control, 2023; Gibbs and Candès, 2021).
//
// A violation of a long horizon is reported in the round in which it happens, not when the horizon ends: late feedback
// keeps raising a level that the forecasts have learned to exceed already. It is not safe for concurrent use.
type Tracker struct {
	target, gain     float64
	integral         float64
	rounds, violated float64 // with old rounds forgotten
}

const (
	// maxLevel bounds the level to [1/maxLevel, maxLevel]: beyond it the model is wrong, and no factor mends it.
	maxLevel = 4
	// priorRounds are the rounds at the target that a tracker begins with, so that the first violations do not alarm it.
	priorRounds = 72
	// keepRound forgets half of what is four weeks of hours old.
	keepRound = 0.998969
	// gain is by how much the logarithm of the level rises, at a horizon of one round, when the rate so far is e times the
	// target. A level that moves is paid for, in savings: twice the gain holds the rate closer and costs .1 to .2 points more.
	gain = .05
	// integralShare is the weight of the integral part beside the proportional one.
	integralShare = .3
)

// NewTracker returns a tracker of the violation rate target, in (0, 1), of a horizon of so many rounds. The longer the horizon the
// slower it is: one burst violates the decisions of as many rounds at once, and a tracker as quick as for one round
// overshoots for days.
func NewTracker(target float64, horizon int) *Tracker {
	return &Tracker{target: target, gain: gain / float64(max(1, horizon)), rounds: priorRounds, violated: priorRounds * target}
}

// Level returns the factor for the next forecasts.
func (t *Tracker) Level() float64 {
	off := math.Log(max(t.violated, 1e-12) / (t.rounds * t.target))
	bound := math.Log(maxLevel)
	return math.Exp(min(bound, max(-bound, t.integral+t.gain*min(2, max(-4./3, off)))))
}

// Round ends a round, usually an hour, in which the given share of the decisions of one round turned out violated.
// The share may pass 1 when a peak violates the decisions of several rounds at once. A share that is NaN or negative
// is ignored.
func (t *Tracker) Round(share float64) {
	if !(share >= 0) {
		return
	}
	share = min(share, 1e6)
	t.rounds = t.rounds*keepRound + 1
	t.violated = t.violated*keepRound + share
	bound := math.Log(maxLevel)
	t.integral = min(bound, max(-bound, t.integral+integralShare*t.gain*(share-t.target)))
}

// Floor keeps the rate at which peaks stay below their forecasts' lower bounds at its target, while the world drifts. It is an
// integral controller of the level's logarithm, which is online gradient descent on the pinball loss (Gibbs and Candès, Adaptive
// conformal inference under distribution shift, 2021). It is not safe for concurrent use.
type Floor struct{ target, gain, level float64 }

// floorGain is by how much the logarithm of the level falls, at a horizon of one round, where all peaks stayed below.
const floorGain = .05

// NewFloor returns the tracker of a rate target, in (0, 1), of a horizon of so many rounds. What a long horizon came to is known late, and
// a level that follows as fast as that of a short one would swing: √horizon is half way.
func NewFloor(target float64, horizon int) *Floor {
	return &Floor{target: target, gain: floorGain / math.Sqrt(float64(max(1, horizon)))}
}

// Level returns the factor for the next lower bounds.
func (f *Floor) Level() float64 { return math.Exp(f.level) }

// Round ends a round, usually an hour, of whose completed decisions the given share stayed below their lower bounds. A share that
// is not from 0 to 1 is ignored.
func (f *Floor) Round(share float64) {
	if !(share >= 0 && share <= 1) {
		return
	}
	bound := math.Log(maxLevel)
	f.level = min(bound, max(-bound, f.level-f.gain*(share-f.target)))
}
