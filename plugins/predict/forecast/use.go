// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

const (
	// alike is the correlation by which the use of a node's pods is taken to vary together. Day ahead it was .1 to .3 where it was learned;
	// 1 would have all peaks coincide, which never happened.
	alike = .1
	// deviations is how many deviations a bound is taken to be above the mean where no variance was measured.
	deviations = 2.5

	// What a pod was measured at counts as much as what is known of others after so long: of its own controller's pods, and of
	// strangers that look like it.
	ownerSays, strangersSay = 3 * time.Hour, 10 * time.Minute
)

// Use is what a pod is expected to use of one resource at any moment, in cores or bytes, or what a node uses beyond its pods.
type Use struct{ Mean, Variance float64 }

// useUpTo is the use of which no more than a mean and a bound is known.
func useUpTo(mean, upper float64) Use {
	wide := max(0, upper-mean) / deviations
	return Use{Mean: mean, Variance: wide * wide}
}

// Measured is what one pod was measured at, for how long.
type Measured struct {
	Use [NumResources]Use
	For time.Duration
	// Ahead is what tells of the pod's next hours; nil where the engine was not asked to learn it.
	Ahead *Ahead
}

// correct has what the pod was measured at count, the more the longer it was.
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

// NodeUse is what the pods of a node are expected to use. The zero value is no pods.
type NodeUse [NumResources]struct {
	Mean, Variance float64
	Deviations     float64 // the sum
}

// Add adds one more pod. What is not a number from 0 on counts as 0.
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

// Plus adds one more pod that is expected to use so much or, where sign is −1, takes away one that was added. Of what was added or
// taken, rounding may leave a little.
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

// And is what the pods and the node beyond them use of one resource.
func (n *NodeUse) And(r int, beyond *Use) harm.Use {
	w := &n[r]
	return harm.Use{Mean: w.Mean + beyond.Mean, Variance: (1-alike)*w.Variance + alike*w.Deviations*w.Deviations + beyond.Variance}
}
