// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Follow adds a clean reading to what became of decisions. One goroutine calls it, and writes nothing to the reading.
func (l *Ledger) Follow(r *usage.Reading) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for i := range r.Nodes {
		if cpu, ok := r.Nodes[i].Get(usage.CPU); ok {
			l.nodes[r.Nodes[i].Node] = measured{cpu, r.Nodes[i].Time}
		}
	}
	for name, m := range l.nodes {
		if r.End.Sub(m.time) > l.options.Gap {
			delete(l.nodes, name) // Too old to count.
		}
	}
	for i := range r.Pods {
		p := &r.Pods[i]
		key := podKey{p.Namespace, p.Name}
		e, m := l.watched[key], l.own.moves[key]
		cpu, ok := p.Get(usage.CPU)
		if !ok {
			continue
		}
		if e != nil && (p.UID == "" || p.UID == e.Pod.UID) {
			e.pod = measured{cpu, p.Time}
		}
		if m != nil && (p.UID == "" || p.UID == m.uid) {
			m.pod = measured{cpu, p.Time}
		}
	}
	for _, e := range l.watched {
		l.follow(e, r.End)
	}
	l.own.follow(l, r.End)
}

// follow adds the time since a decision was last followed, where both nodes and the pod were measured after it.
func (l *Ledger) follow(e *entry, now time.Time) {
	passed := now.Sub(e.last)
	if passed <= 0 {
		return
	}
	e.last = now
	age := now.Sub(e.Time)
	if pod := l.options.Pod(e.Pod.Namespace, e.Pod.Name); pod == nil || string(pod.UID) != e.Pod.UID || age > l.options.Horizons[len(l.options.Horizons)-1] {
		l.forget(e)
		return
	}
	theirs, ours := l.nodes[e.Theirs], l.nodes[e.Ours.Node]
	for _, m := range []measured{theirs, ours, e.pod} {
		if !m.time.After(e.Time) || now.Sub(m.time) > l.options.Gap {
			return
		}
	}
	of, known := l.options.Machines(e.Theirs)
	to, alsoKnown := l.options.Machines(e.Ours.Node)
	if !known || !alsoKnown || passed > l.options.Gap {
		return
	}
	minutes := passed.Minutes()
	for i, h := range l.options.Horizons {
		if age > h {
			continue
		}
		c := &e.Came[i]
		c.Minutes += minutes
		c.Theirs.add(theirs.cpu, of.Cores, minutes)
		// What the pod was measured at is never more than its node, but for the clocks of two measurements.
		c.TheirsWithout.add(max(0, theirs.cpu-e.pod.cpu), of.Cores, minutes)
		c.Ours.add(ours.cpu, to.Cores, minutes)
		c.OursWith.add(ours.cpu+e.pod.cpu, to.Cores, minutes)
	}
}
