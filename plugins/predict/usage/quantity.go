// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import "math/bits"

// Quantity is a quantity measured on a node or a pod.
type Quantity uint8

const (
	// CPU is the CPU time used, in cores (CPU seconds per second), averaged over the sample's
	// window.
	CPU Quantity = iota
	// Memory is the working set, in bytes, at the sample's time.
	Memory
	// CPUSome is the share of time, 0–1, in which at least one task waited for a CPU. It also rises
	// when a pod reaches its own CPU limit, so read it together with Throttled.
	CPUSome
	// CPUFull is the share of time, 0–1, in which all tasks that could run waited for a CPU. The
	// kernel defines it for pods only, so nodes never have it.
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
	// ResponseTime is that of a pod's service, in seconds: a mean or a percentile, as the query
	// defines it. Only Prometheus can tell it, and nodes never have it.
	ResponseTime

	// NumQuantities is the number of quantities.
	NumQuantities = int(ResponseTime) + 1
)

var (
	quantityNames = [NumQuantities]string{
		"cpu", "memory", "cpu_some", "cpu_full", "memory_some", "memory_full", "io_some", "io_full", "throttled", "response_time",
	}
	_ [16 - NumQuantities]struct{} // Values.set has a bit for each.
)

// String returns the quantity in lower case with underscores, as metrics and files spell it.
func (q Quantity) String() string {
	if int(q) >= NumQuantities {
		return "unknown"
	}
	return quantityNames[q]
}

// Unit returns the unit of the quantity: cores, bytes, seconds or share.
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

// Values are the values of one sample: any subset of the quantities. The zero value is empty. It is
// a dense vector, not a map or a struct of pointers, because a reading of a large cluster holds
// 165,000 of them.
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

// Has reports whether q was measured.
func (v *Values) Has(q Quantity) bool {
	return v.set&(1<<q) != 0
}

// Set stores value as the measurement of q.
func (v *Values) Set(q Quantity, value float64) {
	v.v[q] = value
	v.set |= 1 << q
}

// Unset removes the measurement of q.
func (v *Values) Unset(q Quantity) {
	v.v[q] = 0 // Equal sets of values compare equal with ==.
	v.set &^= 1 << q
}

// Len returns the number of quantities that were measured.
func (v *Values) Len() int {
	return bits.OnesCount16(v.set)
}

// Waiting returns the share of time, 0–1, in which a task waited for CPU, memory or I/O: the
// largest of the three. It returns false if none was measured or one is not within 0 and 1.
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
