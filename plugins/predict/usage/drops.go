// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

// Reason is why a measurement was not believed.
type Reason uint8

const (
	// NotANumber counts values that are NaN.
	NotANumber Reason = iota
	// Infinite counts values that are +Inf or -Inf.
	Infinite
	// Negative counts values, and samples with a window, below zero.
	Negative
	// CounterReset counts values that are missing because their counter went backwards.
	CounterReset
	// Absurd counts values that exceed what the machine can do.
	Absurd
	// Stale counts samples that are too old or whose time is not known.
	Stale
	// Future counts samples too far ahead of this process's clock.
	Future
	// Duplicate counts samples with the same time as the last one of the object.
	Duplicate
	// OutOfOrder counts samples older than the last one of the object.
	OutOfOrder
	// Empty counts samples without a value.
	Empty
	// Nameless counts samples that do not name the measured object.
	Nameless
	// UnknownNode counts samples of nodes that the cluster does not have.
	UnknownNode
	// UnknownPod counts samples of pods that the cluster does not have, or that may belong to
	// another pod of the same name.
	UnknownPod
	// OtherNode counts samples of pods that run on another node than the one that reported them.
	OtherNode

	// NumReasons is the number of reasons.
	NumReasons = int(OtherNode) + 1
)

var reasonNames = [NumReasons]string{
	"not_a_number", "infinite", "negative", "counter_reset", "absurd", "stale", "future", "duplicate", "out_of_order",
	"empty", "nameless", "unknown_node", "unknown_pod", "other_node",
}

// String returns the reason in lower case with underscores, as a metric's label spells it.
func (r Reason) String() string {
	if int(r) >= NumReasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Drops counts what was dropped, by Reason. Reasons that say values count values; the others count
// whole samples.
type Drops [NumReasons]uint64

// Add adds the counts of other.
func (d *Drops) Add(other Drops) {
	for i, n := range other {
		d[i] += n
	}
}

// Total returns the sum over all reasons.
func (d *Drops) Total() uint64 {
	var sum uint64
	for _, n := range d {
		sum += n
	}
	return sum
}
