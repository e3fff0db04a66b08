// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"math"
	"time"
)

const (
	// These are the limits for machines of unknown size. A wrong unit is off by a factor of a
	// thousand or more, and they catch it on any machine.
	absurdCores = 1 << 14
	absurdBytes = 1 << 50

	// A share is the difference of a counter divided by that of a clock, and the two are not read
	// at the same instant. A share may thus exceed 1 by a little, up to 1.1, and then counts as 1.
	shareSlack = 0.1

	// maxWindow is the longest time over which values may be averaged. An average since 1970, or
	// over a year, does not tell the current use.
	maxWindow = 24 * time.Hour

	// maxResponseTime is in seconds: nobody waits longer than an hour. It does not catch every
	// response time in milliseconds that is taken for seconds.
	maxResponseTime = 3600
)

// Bounds are the limits of what a Cleaner believes.
type Bounds struct {
	// MaxAge is the largest age of a sample, from its time to now. 0 is any age, for history and
	// traces.
	MaxAge time.Duration
	// MaxAhead is how far a sample's time may lie ahead of now, because clocks of machines differ.
	MaxAhead time.Duration
	// MaxOverMachine is the largest believed usage as a multiple of the machine's size, at least 1.
	// For example, with 1.5 a machine of 8 cores may use 12. Values above 1 occur since usage is
	// averaged over windows delimited by the clocks of two machines.
	MaxOverMachine float64
}

// DefaultBounds returns bounds for sources that are read every minute or more often.
func DefaultBounds() Bounds {
	return Bounds{MaxAge: 5 * time.Minute, MaxAhead: 30 * time.Second, MaxOverMachine: 1.5}
}

// Machine is the size of a node.
type Machine struct {
	// Cores is the number of CPU cores.
	Cores float64
	// Bytes is the size of memory.
	Bytes float64
}

// Machines returns the size of a node, and false if it is not known. For the empty name it returns
// the largest size of each resource in the cluster, which bounds pods whose node the source does
// not know.
type Machines func(node string) (Machine, bool)

// Cleaner drops and counts samples and values that cannot be true. It remembers the time of the
// last sample of each object, so each source needs its own. It is not safe for concurrent use.
type Cleaner struct {
	bounds   Bounds
	machines Machines
	// last is the newest sample of each object.
	nodes     map[string]last
	pods      map[podKey]last
	readings  uint32
	nextSweep time.Time
}

// last is the newest sample of an object: its time in nanoseconds since 1970, the number of its
// reading, and its index there. The index is -1 if no value of the sample was believed.
type last struct {
	nanos   int64
	reading uint32
	index   int32
}

type podKey struct {
	namespace, name, uid string
}

// in returns the index of the sample in a reading, or -1 if it is not there.
func (l last) in(reading uint32) int32 {
	if l.reading != reading {
		return -1
	}
	return l.index
}

// NewCleaner returns a cleaner that believes what is within bounds. machines may be nil if no
// machine's size is known.
func NewCleaner(bounds Bounds, machines Machines) *Cleaner {
	if machines == nil {
		machines = func(string) (Machine, bool) { return Machine{}, false }
	}
	return &Cleaner{
		bounds:   bounds,
		machines: machines,
		nodes:    map[string]last{},
		pods:     map[podKey]last{},
	}
}

// Clean returns the reading with what is not believed removed and counted in Dropped. It holds at
// most one sample of each object, the newest. The result reuses the slices of r, which must not be
// used afterwards.
func (c *Cleaner) Clean(now time.Time, r Reading) Reading {
	p := pass{now: now, bounds: c.bounds, drops: &r.Dropped}
	if c.bounds.MaxAge > 0 {
		p.oldest = now.Add(-c.bounds.MaxAge)
		c.sweep(now, p.oldest)
	}

	c.readings++
	nodes := r.Nodes[:0]
	for i := range r.Nodes {
		s := &r.Nodes[i]
		if s.Node == "" {
			r.Dropped[Nameless]++
			continue
		}
		if !p.timely(&s.Sample) {
			continue
		}
		before, ok := inOrder(c.nodes, s.Node, s.Time, &r.Dropped)
		if !ok {
			continue
		}
		at := before.in(c.readings)
		if p.believable(&s.Sample, c.limits(s.Node)) {
			nodes, at = put(nodes, *s, before, c.readings, &r.Dropped)
		}
		c.nodes[s.Node] = last{s.Time.UnixNano(), c.readings, at}
	}
	clear(r.Nodes[len(nodes):]) // Let go of the names of the dropped.
	r.Nodes = nodes

	largest := c.limits("")
	// Pods come grouped by node from most sources that know the node.
	node, machine := "", largest
	pods := r.Pods[:0]
	for i := range r.Pods {
		s := &r.Pods[i]
		if s.Name == "" || s.Namespace == "" {
			r.Dropped[Nameless]++
			continue
		}
		key := podKey{namespace: s.Namespace, name: s.Name, uid: s.UID}
		if !p.timely(&s.Sample) {
			continue
		}
		before, ok := inOrder(c.pods, key, s.Time, &r.Dropped)
		if !ok {
			continue
		}
		if s.Node != node {
			node, machine = s.Node, c.limits(s.Node)
		}
		at := before.in(c.readings)
		if p.believable(&s.Sample, machine) {
			pods, at = put(pods, *s, before, c.readings, &r.Dropped)
		}
		c.pods[key] = last{s.Time.UnixNano(), c.readings, at}
	}
	clear(r.Pods[len(pods):])
	r.Pods = pods
	return r
}

// Objects returns the numbers of nodes and pods that the cleaner remembers.
func (c *Cleaner) Objects() (nodes, pods int) {
	return len(c.nodes), len(c.pods)
}

// limits returns the largest usages that are believed on the node. A size that is not a positive
// number is no limit.
func (c *Cleaner) limits(node string) Machine {
	limits := Machine{Cores: absurdCores, Bytes: absurdBytes}
	m, ok := c.machines(node)
	if !ok {
		return limits
	}
	if m.Cores > 0 {
		limits.Cores = math.Min(limits.Cores, m.Cores*c.bounds.MaxOverMachine)
	}
	if m.Bytes > 0 {
		limits.Bytes = math.Min(limits.Bytes, m.Bytes*c.bounds.MaxOverMachine)
	}
	return limits
}

// sweep forgets objects whose last sample is too old to be believed now. Nothing is lost, since any
// sample that old is dropped as stale.
func (c *Cleaner) sweep(now, oldest time.Time) {
	if now.Before(c.nextSweep) {
		return
	}
	c.nextSweep = now.Add(c.bounds.MaxAge)
	limit := oldest.UnixNano()
	for key, last := range c.nodes {
		if last.nanos < limit {
			delete(c.nodes, key)
		}
	}
	for key, last := range c.pods {
		if last.nanos < limit {
			delete(c.pods, key)
		}
	}
}

// inOrder returns the last sample of the object and reports whether t is newer.
func inOrder[K comparable](all map[K]last, key K, t time.Time, drops *Drops) (before last, ok bool) {
	nanos := t.UnixNano()
	before, known := all[key]
	switch {
	case !known:
		return last{}, true // No reading has the number 0.
	case nanos > before.nanos:
		return before, true
	case nanos == before.nanos:
		drops[Duplicate]++
	default:
		drops[OutOfOrder]++
	}
	return before, false
}

// put adds a sample to those of a reading and returns its index. If the reading already has one of
// the same object, the new sample replaces it.
func put[S any](samples []S, s S, before last, reading uint32, drops *Drops) ([]S, int32) {
	if at := before.in(reading); at >= 0 {
		drops[OutOfOrder]++ // The older one came first.
		samples[at] = s
		return samples, at
	}
	return append(samples, s), int32(len(samples))
}

// pass is one call of Clean.
type pass struct {
	now, oldest time.Time // oldest is zero when any age is believed.
	bounds      Bounds
	drops       *Drops
}

// timely reports whether the sample's time and window are believed.
func (p *pass) timely(s *Sample) bool {
	switch {
	case s.Time.Unix() <= 0, s.Time.Before(p.oldest): // Zero of Go's time and of Unix's.
		p.drops[Stale]++
	case s.Time.Sub(p.now) > p.bounds.MaxAhead:
		p.drops[Future]++
	case s.Window < 0:
		p.drops[Negative]++
	case s.Window > maxWindow:
		p.drops[Absurd]++
	default:
		return true
	}
	return false
}

// believable unsets the values that are not believed and reports whether any is left.
func (p *pass) believable(s *Sample, limits Machine) bool {
	if s.Len() == 0 {
		p.drops[Empty]++
		return false
	}
	for q := range Quantity(NumQuantities) {
		x, ok := s.Get(q)
		if !ok {
			continue
		}
		limit := 1 + shareSlack
		switch q {
		case CPU:
			limit = limits.Cores
		case Memory:
			limit = limits.Bytes
		case ResponseTime:
			limit = maxResponseTime
		}
		switch {
		case math.IsNaN(x):
			p.drops[NotANumber]++
		case math.IsInf(x, 0):
			p.drops[Infinite]++
		case x < 0:
			p.drops[Negative]++
		case x > limit:
			p.drops[Absurd]++
		default:
			if q.Unit() == "share" && x > 1 {
				s.Set(q, 1)
			}
			continue
		}
		s.Unset(q)
	}
	return s.Len() > 0
}
