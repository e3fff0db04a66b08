// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

// Reason says why something that was measured was not believed.
type Reason uint8

const (
	// NotANumber counts values that are NaN.
	NotANumber Reason = iota
	// Infinite counts values that are +Inf or -Inf.
	Infinite
	// Negative counts values, and samples with a window, below zero.
	Negative
	// CounterReset counts values not made because their counter went backwards.
	CounterReset
	// Absurd counts values beyond what the machine can do.
	Absurd
	// Stale counts samples that are too old, or whose time is not known.
	Stale
	// Future counts samples from too far ahead of this process's clock.
	Future
	// Duplicate counts samples with the time of the last one of the same object.
	Duplicate
	// OutOfOrder counts samples older than the last one of the same object.
	OutOfOrder
	// Empty counts samples without a value.
	Empty
	// Nameless counts samples that do not say which object was measured.
	Nameless
	// UnknownNode counts samples of nodes that the cluster does not have.
	UnknownNode
	// UnknownPod counts samples of pods that the cluster does not have, or that may be of another pod of that name.
	UnknownPod
	// OtherNode counts samples of pods that run on another node than the one that tells of them.
	OtherNode

	// NumReasons is how many reasons there are.
	NumReasons = int(OtherNode) + 1
)

var reasonNames = [NumReasons]string{
	"not_a_number", "infinite", "negative", "counter_reset", "absurd", "stale", "future", "duplicate", "out_of_order",
	"empty", "nameless", "unknown_node", "unknown_pod", "other_node",
}

// String is the reason's name in lower case with underscores, as a metric's label
// spells it.
func (r Reason) String() string {
	if int(r) >= NumReasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Drops counts what was dropped, indexed by Reason: values for the reasons that say
// values, whole samples for the others.
type Drops [NumReasons]uint64

// Add adds the counts of other.
func (d *Drops) Add(other Drops) {
	for i, n := range other {
		d[i] += n
	}
}

// Total is the sum over all reasons.
func (d *Drops) Total() uint64 {
	var sum uint64
	for _, n := range d {
		sum += n
	}
	return sum
}
