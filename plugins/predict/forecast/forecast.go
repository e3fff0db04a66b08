// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// Resource is a resource whose use is forecast.
type Resource uint8

const (
	CPU    Resource = iota // in cores
	Memory                 // working set, in bytes

	// NumResources is the number of resources.
	NumResources = int(Memory) + 1
)

// String returns the resource's name as Kubernetes spells it.
func (r Resource) String() string { return [NumResources]string{"cpu", "memory"}[r] }

// Set is a set of resources.
type Set [NumResources]bool

// Any reports whether the set is not empty.
func (s Set) Any() bool { return s != Set{} }

// Horizon is how far a forecast looks ahead.
type Horizon uint8

const (
	Hour Horizon = iota // the next hour
	Day                 // the next 24 hours

	// NumHorizons is the number of horizons.
	NumHorizons = int(Day) + 1
)

// Duration returns the length of the horizon.
func (h Horizon) Duration() time.Duration { return time.Duration(h.Hours()) * time.Hour }

// Hours returns the length of the horizon in hours: 1 or 24.
func (h Horizon) Hours() int { return [NumHorizons]int{1, 24}[h] }

// String returns the horizon as metrics spell it: 1h or 24h.
func (h Horizon) String() string { return [NumHorizons]string{"1h", "24h"}[h] }

// Peak is the forecast of one pod's use of one resource over one horizon, in cores or bytes. Its
// bounds are at least 0.
type Peak struct {
	// Mean is the average use.
	Mean float64
	// Lower and Upper are bounds of the largest use. It exceeds Lower with probability .9, and
	// stays below Upper with the configured probability (τ).
	Lower, Upper float64
}

// Origin is the source of a pod's forecast, from the worst to the best.
type Origin uint8

const (
	// FromRequest is a forecast from the pod's requests. Nothing is learned; the lower bound is 0.
	FromRequest Origin = iota
	// FromCluster is a forecast from the use of the cluster's pods relative to their requests.
	FromCluster
	// FromClass is a forecast from the use of pods with the same namespace, image and size of
	// requests.
	FromClass
	// FromOwner is a forecast from the use of pods of the same controller.
	FromOwner

	// NumOrigins is the number of origins.
	NumOrigins = int(FromOwner) + 1
)

// String returns the origin as metrics spell it.
func (o Origin) String() string { return [NumOrigins]string{"request", "cluster", "class", "owner"}[o] }

// PodForecast is the forecast of one pod's use.
type PodForecast struct {
	Peaks [NumHorizons][NumResources]Peak
	// Use is the expected use at any moment of the pod's life.
	Use    [NumResources]Use
	Origin Origin
	// Life is how long the workload's pods run until they finish. 0 is unknown, as for pods that
	// never finish.
	Life time.Duration
}

// Horizon returns the horizon that counts for the pod. A pod that ends within the hour need not fit
// the node's day.
func (f *PodForecast) Horizon() Horizon {
	if f.Life > 0 && f.Life <= Hour.Duration() {
		return Hour
	}
	return Day
}

// Interval is a range of one resource, in cores or bytes.
type Interval struct{ Lower, Upper float64 }

// NodeRung is the source of a node's forecast, from the worst to the best.
type NodeRung uint8

const (
	// Blind is a node of which nothing is known: only its pods' forecasts count.
	Blind NodeRung = iota
	// Profile is a node without recent samples. It is forecast from its use at this hour in past
	// weeks.
	Profile
	// Stale is a node whose newest sample has expired. The interval is widened by the sample's age.
	Stale
	// Fresh is a node whose newest sample has not expired.
	Fresh

	// NumNodeRungs is the number of rungs.
	NumNodeRungs = int(Fresh) + 1
)

// String returns the rung as metrics spell it.
func (r NodeRung) String() string {
	return [NumNodeRungs]string{"requests", "profile", "stale", "fresh"}[r]
}

// NodeForecast is a node's expected use beyond the sum of its pods' forecasts. The zero value is a
// node of which nothing is known.
type NodeForecast struct {
	// Beyond is the node's measured use beyond its pods'. It is below 0 if pods that are not
	// measured use less than expected.
	Beyond [NumResources]Use
	// Rung is that of the resource that is known best. Age is the age of its newest sample when the
	// snapshot was taken, or 0 if there was none.
	Rung NodeRung
	Age  time.Duration
	// Lacks holds the resources of which nothing is known, on a node of which another resource is
	// known. They count in no verdict, and pods count with their forecasts.
	Lacks Set
	// Residual is the node's own forecast minus the sum of the forecasts of its pods at that time.
	// It contains the system's use and the error of the sum, so it may be negative.
	Residual [NumHorizons][NumResources]Interval
}

// Load is the sum of some pods' forecasts for one resource and horizon. The zero value is no pods.
type Load struct {
	peak.Load
	// Sure is Σ min(mean, lower bound of the peak), the use that is certain. The peak of a sum is
	// never below the sum of the means, but a mean that is only requested is not certain.
	Sure float64
}

// Add returns the load with one more pod. A value that is not a finite number of at least 0 counts
// as 0.
func (l Load) Add(p Peak) Load {
	sure := min(p.Mean, p.Lower)
	if !Sane(sure) {
		sure = 0
	}
	return Load{Load: l.Load.Add(p.Mean, p.Upper), Sure: l.Sure + sure}
}

// NodeLoad is the load of a node's pods.
type NodeLoad [NumHorizons][NumResources]Load

// Add adds one more pod to the load.
func (l *NodeLoad) Add(f *PodForecast) {
	for h := range l {
		for r := range l[h] {
			l[h][r] = l[h][r].Add(f.Peaks[h][r])
		}
	}
}

// PeakWith returns the predicted peak of a node with one more pod, or with the zero Peak as it is:
//
//	Upper = residual + peak of (load + pod), at least the certain use of load and pod
//	Lower = residual + the certain use of load and pod, from 0 to Upper
//
// For example, the load is two pods and the third is alike: each has mean 1, lower bound 1 and
// upper bound 2 cores. The residual is .5, and the peaks correlate by ρ = .25. The excess over the
// mean is 1 a pod, so the peak of the three is 3 + √(.75·3 + .25·3²) = 5.12 cores. Upper is 5.62
// and Lower 3.5 cores.
//
// PeakWith takes plain values, so that it also serves an index in columns. It neither allocates nor
// looks anything up. It is together.Peak(load.Add(pod)) written out, which takes half the time; a
// test compares the two.
func PeakWith(residual Interval, load Load, pod Peak, together peak.Combiner) Interval {
	mean, excess, sure := pod.Mean, 0.0, pod.Lower
	if !Sane(mean) {
		mean = 0
	}
	if over := pod.Upper - mean; Sane(over) {
		excess = over
	}
	if mean < sure {
		sure = mean
	}
	if !Sane(sure) {
		sure = 0
	}
	rho := together.Together
	if !(rho >= 0 && rho <= 1) {
		rho = 1
	}
	mean, sure = load.Mean+mean, load.Sure+sure
	all := load.Excess + excess
	upper := mean + math.Sqrt((1-rho)*(load.Squares+excess*excess)+rho*all*all)
	if largest := pod.Upper; largest > upper && Sane(largest) {
		upper = largest
	}
	if load.Largest > upper {
		upper = load.Largest
	}
	if sum := mean + all; upper > sum {
		upper = sum
	}
	if upper += residual.Upper; !(upper >= sure) {
		upper = sure
	}
	lower := residual.Lower + sure
	if !(lower >= 0) {
		lower = 0
	}
	if lower > upper {
		lower = upper
	}
	return Interval{Lower: lower, Upper: upper}
}

// Sane reports whether v can be a use: a finite number of at least 0.
func Sane(v float64) bool { return v >= 0 && v <= math.MaxFloat64 }
