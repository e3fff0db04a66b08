// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"
)

// Intervals are one interval for each resource.
type Intervals [NumResources]Interval

// Upper returns the upper bounds of the pod's peaks over a horizon, in cores and bytes.
func (f *PodForecast) Upper(h Horizon) (upper Amounts) {
	for r := range upper {
		upper[r] = f.Peaks[h][r].Upper
	}
	return upper
}

// Integers returns amounts as upstream counts: milli-CPUs and bytes, rounded up. For example,
// 1.2345 cores are 1235 milli-CPUs.
func Integers(a Amounts) (milliCPU, memory int64) {
	return ceil(1000 * a[CPU]), ceil(a[Memory])
}

func ceil(v float64) int64 { return int64(min(math.Ceil(v), 1<<62)) }

// Upper returns the upper ends of the intervals.
func Upper(i Intervals) Amounts { return Amounts{i[CPU].Upper, i[Memory].Upper} }

// Lower returns the lower ends of the intervals.
func Lower(i Intervals) Amounts { return Amounts{i[CPU].Lower, i[Memory].Lower} }

// AllocatableOf returns a node's allocatable, in cores and bytes.
func AllocatableOf(node fwk.NodeInfo) Amounts {
	a := node.GetAllocatable()
	return Amounts{CPU: float64(a.GetMilliCPU()) / 1000, Memory: float64(a.GetMemory())}
}
