// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// Resource that is forecast.
type Resource uint8

const (
	CPU    Resource = iota // in cores
	Memory                 // working set, in bytes

	// NumResources is how many resources there are.
	NumResources = int(Memory) + 1
)

// String is the resource's name as Kubernetes spells it.
func (r Resource) String() string { return [NumResources]string{"cpu", "memory"}[r] }

// Set is a set of resources.
type Set [NumResources]bool

// Any says whether the set is not empty.
func (s Set) Any() bool { return s != Set{} }

// Horizon is how far a forecast looks ahead.
type Horizon uint8

const (
	Hour Horizon = iota // the next hour
	Day                 // the next 24 hours

	// NumHorizons is how many horizons there are.
	NumHorizons = int(Day) + 1
)

// Duration of the horizon.
func (h Horizon) Duration() time.Duration { return time.Duration(h.Hours()) * time.Hour }

// Hours of the horizon: 1 or 24.
func (h Horizon) Hours() int { return [NumHorizons]int{1, 24}[h] }

// String is the horizon as metrics spell it: 1h or 24h.
func (h Horizon) String() string { return [NumHorizons]string{"1h", "24h"}[h] }

// Peak is the forecast of one pod's use of one resource over one horizon, in cores or bytes. Its bounds are at least 0.
type Peak struct {
	// Mean use.
	Mean float64
	// Lower and Upper bound the largest use: it passes Lower with probability .9, and stays below Upper with the
	// configured one (τ).
	Lower, Upper float64
}

// Origin is where the forecast of a pod comes from, the worst first.
type Origin uint8

const (
	// FromRequest is what the pod requests. Nothing is learned; the lower bound is 0.
	FromRequest Origin = iota
	// FromCluster is what pods of the cluster use of what they request.
	FromCluster
	// FromClass is what pods of the same namespace, image and size of requests use.
	FromClass
	// FromOwner is what pods of the same controller use.
	FromOwner

	// NumOrigins is how many origins there are.
	NumOrigins = int(FromOwner) + 1
)

// String is the origin as metrics spell it.
func (o Origin) String() string { return [NumOrigins]string{"request", "cluster", "class", "owner"}[o] }

// PodForecast is what one pod will use, each pod of a workload for itself.
type PodForecast struct {
	Peaks [NumHorizons][NumResources]Peak
	// Use at any moment of the pod's life.
	Use    [NumResources]Use
	Origin Origin
	// Life is how long the workload's pods run until they finish; 0 is not known, as for those that never do.
	Life time.Duration
}

// Horizon returns the horizon that counts for the pod: one that is gone within the hour need not fit the node's day.
func (f *PodForecast) Horizon() Horizon {
	if f.Life > 0 && f.Life <= Hour.Duration() {
		return Hour
	}
	return Day
}

// Interval is a range of one resource, in cores or bytes.
type Interval struct{ Lower, Upper float64 }

// NodeRung is where the forecast of a node comes from, the worst first.
type NodeRung uint8

const (
	// Blind is a node of which nothing is known: only its pods' forecasts count.
	Blind NodeRung = iota
	// Profile is a node without recent samples, forecast from what it used at this hour of past weeks.
	Profile
	// Stale is a node whose newest sample has expired, with the interval widened by its age.
	Stale
	// Fresh is a node whose newest sample counts.
	Fresh

	// NumNodeRungs is how many rungs there are.
	NumNodeRungs = int(Fresh) + 1
)

// String is the rung as metrics spell it.
func (r NodeRung) String() string {
	return [NumNodeRungs]string{"requests", "profile", "stale", "fresh"}[r]
}

// NodeForecast is what a node will use beyond what its pods' forecasts add up to. The zero value is a node of which
// nothing is known.
type NodeForecast struct {
	// Beyond is what the node was measured to use beyond its pods; below 0 where those that are not measured use less than expected.
	Beyond [NumResources]Use
	// Rung of the resource that is known best, and the Age of its newest sample when the snapshot was taken; 0 where there
	// was none.
	Rung NodeRung
	Age  time.Duration
	// Lacks holds the resources of which nothing is known though something is of another: no verdict goes by them, and
	// pods count with their forecasts.
	Lacks Set
	// Residual is the node's own forecast less the sum of its pods' forecasts, for the pods it had then. It holds the
	// system's use, and what the sum gets wrong; so it may be negative.
	Residual [NumHorizons][NumResources]Interval
}

// Load is what the forecasts of some pods add up to, for one resource and horizon. The zero value is no pods.
type Load struct {
	peak.Load
	// Sure is Σ min(mean, lower bound of the peak): a sum's peak is never below the sum of means, but a mean that is only
	// requested is not sure.
	Sure float64
}

// Add returns the load with one more pod. What is not a number from 0 on counts as 0.
func (l Load) Add(p Peak) Load {
	sure := min(p.Mean, p.Lower)
	if !Sane(sure) {
		sure = 0
	}
	return Load{Load: l.Load.Add(p.Mean, p.Upper), Sure: l.Sure + sure}
}

// NodeLoad is the load of a node's pods.
type NodeLoad [NumHorizons][NumResources]Load

// Add adds one more pod.
func (l *NodeLoad) Add(f *PodForecast) {
	for h := range l {
		for r := range l[h] {
			l[h][r] = l[h][r].Add(f.Peaks[h][r])
		}
	}
}

// PeakWith returns the predicted peak of a node with one more pod, or with the zero Peak as it is:
//
//	Upper = residual + peak of (load + pod), at least what load and pod use for sure
//	Lower = residual + what load and pod use for sure, from 0 to Upper
//
// It takes plain values, so that it serves an index in columns too, and neither allocates nor looks anything up. It is
// together.Peak(load.Add(pod)) written out, which takes half the time; a test holds it against that.
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

// Sane says whether v is a use: a number from 0 on.
func Sane(v float64) bool { return v >= 0 && v <= math.MaxFloat64 }
