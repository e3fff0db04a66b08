// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

const (
	// alike is the correlation assumed between the use of a node's pods. For a day ahead, values of
	// .1 to .3 were learned. With 1 all peaks would coincide, which never happened.
	alike = .1
	// deviations is how many standard deviations a bound is assumed to lie above the mean if no
	// variance was measured.
	deviations = 2.5

	// ownerSays and strangersSay are the times after which a pod's own measurements weigh as much
	// as the forecast from other pods: pods of its own controller, or unrelated pods that look like
	// it.
	ownerSays, strangersSay = 3 * time.Hour, 10 * time.Minute
)

// Use is the expected use of one resource at any moment: by a pod, or by a node beyond its pods.
// Mean is in cores or bytes, Variance in their squares.
type Use struct{ Mean, Variance float64 }

// useUpTo returns the use if only a mean and an upper bound are known. For example, with a mean of
// 1 and a bound of 2 cores the deviation is 1/2.5 = .4, so the variance is .16.
func useUpTo(mean, upper float64) Use {
	wide := max(0, upper-mean) / deviations
	return Use{Mean: mean, Variance: wide * wide}
}

// Measured is the use of one pod as measured for a time.
type Measured struct {
	Use [NumResources]Use
	For time.Duration
	// Ahead is what the pod's next hours are forecast from. It is nil if the engine was not asked
	// to learn that.
	Ahead *Ahead
}

// correct moves the forecast's Use towards what the pod was measured at. The longer the
// measurement, the more it counts: own = For/(For + prior), where prior is ownerSays or
// strangersSay. For example, after 9 hours a forecast from the owner (3 h) of 1 core and a measured
// use of 2 give own = 9/12 and a mean of 1.75 cores.
func (f *PodForecast) correct(m *Measured) {
	prior := strangersSay
	if f.Origin == FromOwner {
		prior = ownerSays
	}
	own := float64(m.For) / float64(m.For+prior)
	if !(own > 0 && own <= 1) {
		return
	}
	for r := range f.Use {
		u, o := &f.Use[r], &m.Use[r]
		u.Mean += own * (o.Mean - u.Mean)
		u.Variance += own * (o.Variance - u.Variance)
	}
}

// NodeUse is the sum of the expected use of a node's pods. The zero value is no pods.
type NodeUse [NumResources]struct {
	Mean, Variance float64
	Deviations     float64 // the sum
}

// Add adds one more pod. A value that is not a finite number of at least 0 counts as 0.
func (n *NodeUse) Add(f *PodForecast) {
	for r := range n {
		u := f.Use[r]
		if Sane(u.Mean) {
			n[r].Mean += u.Mean
		}
		if Sane(u.Variance) {
			n[r].Variance += u.Variance
			n[r].Deviations += math.Sqrt(u.Variance)
		}
	}
}

// Plus adds one more pod with the use u or, if sign is −1, removes one that was added. Rounding may
// leave a small remainder.
func (n *NodeUse) Plus(u [NumResources]Use, sign float64) {
	for r := range n {
		if Sane(u[r].Mean) {
			n[r].Mean += sign * u[r].Mean
		}
		if Sane(u[r].Variance) {
			n[r].Variance = max(0, n[r].Variance+sign*u[r].Variance)
			n[r].Deviations = max(0, n[r].Deviations+sign*math.Sqrt(u[r].Variance))
		}
	}
}

// And returns the use of one resource by the pods and by the node beyond them. For example, the use
// of ten pods has a deviation of .2 cores each, so their variances sum to .4 and their deviations
// to 2: the variance of the sum is .9·.4 + .1·2² = .76.
func (n *NodeUse) And(r int, beyond *Use) harm.Use {
	w := &n[r]
	return harm.Use{Mean: w.Mean + beyond.Mean, Variance: (1-alike)*w.Variance + alike*w.Deviations*w.Deviations + beyond.Variance}
}
