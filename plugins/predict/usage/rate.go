// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import "time"

// Count is the state of a counter that only grows until it starts anew.
type Count struct {
	// Total in any unit.
	Total float64
	// Time of the measurement.
	Time time.Time
}

// Rate returns the growth per second between two states of a counter and the time
// between them. Where the counter went backwards the growth since the restart is a
// guess with an unknown start, and a difference taken blindly is negative, so there is
// no rate, ok is false and reason says why.
func Rate(before, after Count) (perSecond float64, window time.Duration, reason Reason, ok bool) {
	window = after.Time.Sub(before.Time)
	switch {
	case window == 0:
		return 0, 0, Duplicate, false
	case window < 0:
		return 0, 0, OutOfOrder, false
	case !(after.Total >= before.Total): // NaN counts as a reset.
		return 0, 0, CounterReset, false
	}
	return (after.Total - before.Total) / window.Seconds(), window, 0, true
}
