// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import "math/bits"

// Quantity is something measured on a node or a pod.
type Quantity uint8

const (
	// CPU time used, in cores (CPU seconds per second), averaged over the sample's window.
	CPU Quantity = iota
	// Memory is the working set, in bytes, at the sample's time.
	Memory
	// CPUSome is the share of time, 0–1, in which at least one task waited for a CPU. It
	// rises as well when a pod hits its own CPU limit: read it beside Throttled.
	CPUSome
	// CPUFull is the share of time, 0–1, in which all tasks that could run waited for a
	// CPU. The kernel defines it for pods only, so nodes never carry it.
	CPUFull
	// MemorySome is the share of time, 0–1, in which at least one task waited for memory.
	MemorySome
	// MemoryFull is the share of time, 0–1, in which all tasks waited for memory.
	MemoryFull
	// IOSome is the share of time, 0–1, in which at least one task waited for block I/O.
	IOSome
	// IOFull is the share of time, 0–1, in which all tasks waited for block I/O.
	IOFull
	// Throttled is the share, 0–1, of the CFS periods with runnable tasks in which a pod
	// was stopped by its own CPU limit.
	Throttled
	// ResponseTime of a pod's service, in seconds, as whoever measures it defines it: a mean or a percentile. Only
	// Prometheus can tell it, and nodes never carry it.
	ResponseTime

	// NumQuantities is how many quantities there are.
	NumQuantities = int(ResponseTime) + 1
)

var (
	quantityNames = [NumQuantities]string{
		"cpu", "memory", "cpu_some", "cpu_full", "memory_some", "memory_full", "io_some", "io_full", "throttled", "response_time",
	}
	_ [16 - NumQuantities]struct{} // Values.set has a bit for each.
)

// String is the quantity's name in lower case with underscores, as metrics and files
// spell it.
func (q Quantity) String() string {
	if int(q) >= NumQuantities {
		return "unknown"
	}
	return quantityNames[q]
}

// Unit of the quantity: cores, bytes, seconds or share.
func (q Quantity) Unit() string {
	switch q {
	case CPU:
		return "cores"
	case Memory:
		return "bytes"
	case ResponseTime:
		return "seconds"
	default:
		return "share"
	}
}

// Values is what one sample measured: any subset of the quantities. The zero value
// holds none. It is a dense vector and not a map or a struct of pointers, because a
// reading of a large cluster holds 165,000 of them.
type Values struct {
	v   [NumQuantities]float64
	set uint16
}

// Get returns the value of q and whether it was measured.
func (v *Values) Get(q Quantity) (value float64, measured bool) {
	if !v.Has(q) {
		return 0, false
	}
	return v.v[q], true
}

// Has says whether q was measured.
func (v *Values) Has(q Quantity) bool {
	return v.set&(1<<q) != 0
}

// Set says that q was measured as value.
func (v *Values) Set(q Quantity, value float64) {
	v.v[q] = value
	v.set |= 1 << q
}

// Unset says that q was not measured.
func (v *Values) Unset(q Quantity) {
	v.v[q] = 0 // Equal sets of values compare equal with ==.
	v.set &^= 1 << q
}

// Len returns how many quantities were measured.
func (v *Values) Len() int {
	return bits.OnesCount16(v.set)
}

// Waiting is the share of time, 0–1, in which a task waited for CPU, memory or I/O, the worst of the three; false where none
// was measured, or what was measured cannot be.
func (v *Values) Waiting() (worst float64, measured bool) {
	for _, q := range []Quantity{CPUSome, MemorySome, IOSome} {
		x, ok := v.Get(q)
		if !ok {
			continue
		}
		if !(x >= 0 && x <= 1) {
			return 0, false
		}
		worst, measured = max(worst, x), true
	}
	return worst, measured
}
