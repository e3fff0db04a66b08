// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/forget"
)

// Class is a workload as others have it beside them. Pods without a controller are of none.
type Class struct{ Namespace, Kind, Name string }

// Companion is how many pods of a class were on a node.
type Companion struct {
	Class Class
	Pods  int
}

// burdens is the length of a Burden.
const burdens = 2

// Burden is what a pod does to those beside it, in log-odds of a violation: the first entry to all of them, the other to some. A node's is the
// sum of its pods'. How a workload takes it is a Burden, too, whose first entry is 1.
type Burden [burdens]float32

// mostTogether is what is believed of the burden of all pods of a node together, either way.
const mostTogether = 5

// Dot is what it comes to for a workload that takes it like that.
func (b *Burden) Dot(takes *Burden) float32 {
	return min(max(b[0]*takes[0]+b[1]*takes[1], -mostTogether), mostTogether)
}

// Add adds a pod's burden to a node's.
func (b *Burden) Add(pod *Burden) {
	for k := range b {
		b[k] += pod[k]
	}
}

// company learns who hurts whom: beside which classes pods were violated more than the model and the node's history explain. A hog of a
// cache or of memory bandwidth does not show in a node's CPU, and moves from node to node. The first entries are Bayesian: an outcome
// corrects each class that was there by how little is known of it (a Kalman filter of the logistic loss), so that the blame ends at who was there
// each time. The second is by stochastic gradient descent, as a node's are. It is not safe for concurrent use.
type company struct {
	classes map[Class]*hurting
	takes   map[string]*taking
	tenants tenants // that outcomes were of
}

type hurting struct {
	burden   Burden
	variance float32
	tenants  tenants // whose pods were violated beside it
	at       time.Time
}

type taking struct {
	burden Burden
	at     time.Time
}

// tenants tells one from several.
type tenants struct {
	first   string
	several bool
}

func (t *tenants) add(tenant string) {
	if t.first == "" {
		t.first = tenant
	}
	t.several = t.several || t.first != tenant
}

const (
	// unknown is the variance of a class's burden before anything is known: one in two pods lies within ±.7.
	unknown = 1
	// maxClasses bounds classes, and workloads that take their burden; those go whose last outcome is oldest.
	maxClasses = 10000
	// MostCompanions of a decision are learned from.
	MostCompanions = 32
	// mostBurden is what is believed of one class's burden, either way.
	mostBurden = 4
	// leastBurden is one that is forgotten when as little is known of it as before its first outcome.
	leastBurden = .05
	// steepest is the largest curvature of the logistic loss.
	steepest = .25
)

func newCompany() *company {
	return &company{classes: map[Class]*hurting{}, takes: map[string]*taking{}}
}

// beside is the burden of companions, as far as it is learned.
func (c *company) beside(companions []Companion) (sum Burden) {
	for i := range companions {
		if h := c.classes[companions[i].Class]; h != nil {
			for k := range sum {
				sum[k] += float32(companions[i].Pods) * h.burden[k]
			}
		}
	}
	return sum
}

// takesOf a workload.
func (c *company) takesOf(workload string) Burden {
	if t := c.takes[workload]; t != nil {
		return t.burden
	}
	return strangerTakes(workload)
}

func strangerTakes(workload string) Burden {
	v := Stranger(workload)
	return Burden{1, v[1]}
}

// learn takes one outcome: g is what came minus what was foretold, and weight the curvature of the loss there.
func (c *company) learn(l *Lesson, g, weight float32, halfLife time.Duration, now time.Time) {
	c.tenants.add(l.Tenant)
	if len(l.Beside) == 0 {
		return
	}
	known := make([]*hurting, len(l.Beside))
	spread, squares := float32(0), float32(0)
	for i := range l.Beside {
		h := c.classes[l.Beside[i].Class]
		if h == nil {
			if len(c.classes) >= maxClasses {
				forget.Oldest(c.classes, forget.Batch(maxClasses), func(a, b *hurting) int { return a.at.Compare(b.at) }, nil)
			}
			h = &hurting{variance: unknown, at: now}
			c.classes[l.Beside[i].Class] = h
		}
		h.fade(halfLife, now)
		if l.Violated {
			h.tenants.add(l.Tenant)
		}
		known[i] = h
		pods := float32(l.Beside[i].Pods)
		squares += pods * pods
		spread += pods * pods * h.variance
	}
	t := c.takes[l.Workload]
	if t == nil {
		if len(c.takes) >= maxClasses {
			forget.Oldest(c.takes, forget.Batch(maxClasses), func(a, b *taking) int { return a.at.Compare(b.at) }, nil)
		}
		t = &taking{burden: strangerTakes(l.Workload)}
		c.takes[l.Workload] = t
	}
	t.at = now
	sum := c.beside(l.Beside)
	for i, h := range known {
		pods := float32(l.Beside[i].Pods)
		// By the largest curvature no step leads past the burden that explains the outcome best, and none moves what the pods do together by
		// more than 4. By the one here it would: a violation that nobody foretold is where the loss is almost straight.
		h.burden[0] = min(max(h.burden[0]+g*pods*h.variance/(1+steepest*spread), -mostBurden), mostBurden)
		h.variance = max(h.variance*(1-weight*pods*pods*h.variance/(1+weight*spread)), 1e-3)
		for k := 1; k < burdens; k++ {
			h.burden[k] += learningRate * (g*pods*t.burden[k]/squares - decay*h.burden[k])
			h.burden[k] = min(max(h.burden[k], -mostBurden), mostBurden)
		}
	}
	for k := 1; k < burdens; k++ {
		t.burden[k] += learningRate * (g*min(max(sum[k], -mostBurden), mostBurden) - decay*t.burden[k])
		t.burden[k] = min(max(t.burden[k], -1), 1)
	}
}

// fade forgets half of what is known after the half-life.
func (h *hurting) fade(halfLife time.Duration, now time.Time) {
	keep := float32(math.Exp2(-float64(max(now.Sub(h.at), 0)) / float64(halfLife)))
	for k := range h.burden {
		h.burden[k] *= keep
	}
	h.variance = unknown + (h.variance-unknown)*keep
	h.at = now
}

// counts returns what is believed of a class: its burden less one standard deviation, since most pods hurt nobody and noise of many would add
// up. Nothing is where only one tenant's pods say so, unless there is only one.
func (h *hurting) counts(alone bool) (Burden, bool) {
	sure := h.burden[0] - float32(math.Sqrt(float64(h.variance)))
	if !(sure > 0) || !h.tenants.several && !alone {
		return Burden{}, false
	}
	b := h.burden
	for k := range b {
		b[k] *= sure / h.burden[0]
	}
	return b, true
}

// slight says whether the burden makes next to no difference.
func (h *hurting) slight() bool {
	for _, b := range h.burden {
		if !(max(b, -b) < leastBurden) {
			return false
		}
	}
	return true
}

// view is what counts now; classes of which next to nothing is known are forgotten.
func (c *company) view(halfLife time.Duration, now time.Time) (hurts map[Class]Burden, takes map[string]Burden) {
	hurts, takes = map[Class]Burden{}, make(map[string]Burden, len(c.takes))
	for class, h := range c.classes {
		h.fade(halfLife, now)
		if h.variance > .99*unknown && h.slight() {
			delete(c.classes, class)
		} else if b, ok := h.counts(!c.tenants.several); ok {
			hurts[class] = b
		}
	}
	for name, t := range c.takes {
		takes[name] = t.burden
	}
	return hurts, takes
}
