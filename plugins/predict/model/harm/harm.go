// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package harm says how much a node is expected to suffer from what it will use, as a score. It knows no Kubernetes, takes plain values
// and allocates nothing.
//
// Use X of a resource is taken to be normal, with a mean μ and a deviation σ. A node runs well up to a bound b, and what it suffers is
// what it uses beyond: demand that waits, or memory that gets a pod killed. With ψ(z) = φ(z) − z·(1 − Φ(z)) that is
//
//	E(X − b)⁺ = σ·ψ((b − μ)/σ)
//
// It has no cliff at the bound and no plateau: of two nodes that are both over it, the one that is more over is worse, and of two that
// are both under, the one that is nearer or less sure is. A small share of the mean, .002, tells idle nodes apart that are far from
// their bounds. All is in shares of the node's size:
//
//	risk  = Σ over resources of (E(X − b)⁺ + .002·μ) / size
//	score = 100 / (1 + 3·√risk)
//
// For example, a node of 8 cores that runs well up to 6.4 and is to use 4 ± 2: ψ(1.2) = .0561, so it is .112 cores over on average, the
// risk is (.112 + .008)/8 = .0150 and the score 73. At 6 ± 2, ψ(.2) = .3069 and the risk .0782: the score is 54.
package harm

import "math"

const (
	// busy is what use is worth avoiding that harms nobody, against as much harm.
	busy = .002
	// steep is how fast the score falls with the square root of the risk.
	steep = 3
	// most of a node's size that counts.
	most = 1e6
)

// Use is what is expected of a resource, in any unit. What is not a number, or negative, counts as 0.
type Use struct{ Mean, Variance float64 }

// Risk is the harm that use does to a node of a size that runs well up to bound, as a share of the size. A size that is not a positive
// number says nothing, and nothing is harmed; an infinite bound is never passed. The result is finite, at least 0, and does not fall
// when mean or variance rise.
func Risk(u Use, bound, size float64) float64 {
	per := 1 / size
	if !(per > 0 && per <= math.MaxFloat64) {
		return 0
	}
	mean := atMost(u.Mean*per, most)
	risk := busy * mean
	if bound <= math.MaxFloat64 {
		risk += over(atMost(bound*per, most)-mean, math.Sqrt(atMost(u.Variance*per*per, most*most)))
	}
	return risk
}

// Excess is the part of the risk that harms: what is used beyond the bound on average, E(X − b)⁺, as a share of the size.
func Excess(u Use, bound, size float64) float64 {
	return max(0, Risk(u, bound, size)-busy*atMost(u.Mean/size, most))
}

func atMost(v, limit float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(v, limit)
}

// Score is 100 where there is no risk, and falls for ever: a higher risk never scores higher.
func Score(risk float64) float64 { return 100 / (1 + steep*math.Sqrt(max(risk, 0))) }

// over is E(X − b)⁺ where the bound is room above the mean.
func over(room, deviation float64) float64 {
	if room >= reach*deviation {
		return 0
	}
	if room <= -reach*deviation {
		return -room
	}
	at := (room/deviation + reach) * perStep
	i := min(int(at), len(loss)-2)
	part := at - float64(i)
	return deviation * (loss[i] + part*(loss[i+1]-loss[i]))
}

const (
	// reach is as many deviations as a bound can be off and count.
	reach = 6
	// perStep is how many values of ψ are kept for each deviation. What lies between is off by 1e-4 at most, and as convex.
	perStep = 16
)

// loss holds ψ from −reach to reach; nobody writes to it.
var loss = func() (l [2*reach*perStep + 1]float64) {
	for i := range l {
		z := float64(i)/perStep - reach
		l[i] = exact(z)
	}
	l[0], l[len(l)-1] = reach, 0 // where over goes on in straight lines
	return l
}()

// exact is ψ.
func exact(z float64) float64 {
	return math.Exp(-z*z/2)/math.Sqrt(2*math.Pi) - z*math.Erfc(z/math.Sqrt2)/2
}
