// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import "time"

// Count is the state of a counter that only grows until it is reset.
type Count struct {
	// Total is the count, in any unit.
	Total float64
	// Time is the time of the measurement.
	Time time.Time
}

// Rate returns the growth per second between two states of a counter, and the time between them.
// For example, from 100 to 130 CPU seconds within 60 s is a rate of .5. If the counter went
// backwards, there is no rate, since the growth after the reset is unknown: ok is then false and
// reason tells why. The same holds if no time has passed or the states are out of order.
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
