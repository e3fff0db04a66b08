// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
)

// Moved is a pod that this scheduler would have placed on another node than it is on.
type Moved struct {
	// Pod with the node that it is on.
	Pod *v1.Pod
	// To is the node on which it would be.
	To string
}

// move is a pod that is thought to be elsewhere, as long as it runs.
type move struct {
	uid      string
	from, to string
	since    time.Time
	pod      measured
}

// own are the nodes as they would be, had this scheduler placed every pod that was placed since it looks on.
//
// What single pods gain does not add up: each is weighed with all others where they are, and all that would leave one hot node would go to
// the same cool one. So pods are decided a second time, on nodes where those that were decided before are where this scheduler would have
// placed them, and what they use is moved with them, all at once.
type own struct {
	moves   map[podKey]*move
	last    time.Time
	batches []batch       // the last one goes on
	length  time.Duration // of a batch
	placed  uint64        // moves since the beginning
}

// batch is what all nodes came to within some hours, and what they would have come to.
type batch struct {
	minutes      float64
	theirs, ours Load
}

func (b *batch) plus(o *batch) {
	b.minutes, b.theirs, b.ours = b.minutes+o.minutes, b.theirs.plus(o.theirs), b.ours.plus(o.ours)
}

const (
	// firstLength of a batch: six a day.
	firstLength = 4 * time.Hour
	// mostBatches are kept, 42 days of four hours; then two at a time become one.
	mostBatches = 252
)

// current is the batch that goes on.
func (o *own) current() *batch {
	if n := len(o.batches); n > 0 && o.batches[n-1].minutes < o.length.Minutes() {
		return &o.batches[n-1]
	}
	if len(o.batches) == mostBatches {
		for i := range mostBatches / 2 {
			o.batches[i] = o.batches[2*i]
			o.batches[i].plus(&o.batches[2*i+1])
		}
		o.batches, o.length = o.batches[:mostBatches/2], 2*o.length
	}
	o.batches = append(o.batches, batch{})
	return &o.batches[len(o.batches)-1]
}

// moveTo notes where the pod would be. It is known while it runs.
func (o *own) moveTo(p *v1.Pod, to string, at time.Time, most int) {
	key := podKey{p.Namespace, p.Name}
	delete(o.moves, key) // That of another pod of its name.
	if to == "" || to == p.Spec.NodeName || len(o.moves) >= most {
		return
	}
	o.placed++
	o.moves[key] = &move{uid: string(p.UID), from: p.Spec.NodeName, to: to, since: at}
}

// Moved returns the pods that run and would be elsewhere.
func (l *Ledger) Moved() []Moved {
	l.lock.Lock()
	defer l.lock.Unlock()
	out := make([]Moved, 0, len(l.own.moves))
	for key, m := range l.own.moves {
		if p := l.options.Pod(key.namespace, key.name); p != nil && string(p.UID) == m.uid {
			out = append(out, Moved{p, m.to})
		}
	}
	return out
}

// follow adds the time since the last reading.
func (o *own) follow(l *Ledger, now time.Time) {
	passed := now.Sub(o.last)
	began := o.last.IsZero()
	o.last = now
	fresh := func(m measured, since time.Time) bool { return m.time.After(since) && now.Sub(m.time) <= l.options.Gap }
	more := map[string]float64{}
	for key, m := range o.moves {
		if p := l.options.Pod(key.namespace, key.name); p == nil || string(p.UID) != m.uid {
			delete(o.moves, key)
			continue
		}
		if fresh(m.pod, m.since) && fresh(l.nodes[m.from], m.since) && fresh(l.nodes[m.to], m.since) {
			more[m.from] -= m.pod.cpu
			more[m.to] += m.pod.cpu
		}
	}
	if began || passed <= 0 || passed > l.options.Gap {
		return
	}
	b := o.current()
	b.minutes += passed.Minutes()
	for name, m := range l.nodes {
		if machine, known := l.options.Machines(name); known {
			b.theirs.add(m.cpu, machine.Cores, passed.Minutes())
			b.ours.add(max(0, m.cpu+more[name]), machine.Cores, passed.Minutes())
		}
	}
}

// Together is what all nodes came to, and what they would have come to, had this scheduler placed every pod that was placed since it looks
// on. Pods that were there before stay where they are.
type Together struct {
	// Minutes that were measured.
	Minutes float64 `json:"minutes"`
	// Moved pods since the beginning, and those of them that run Now.
	Moved  uint64 `json:"moved"`
	Now    int    `json:"now"`
	Theirs Load   `json:"theirs"`
	Ours   Load   `json:"ours"`
	// HotMinutes and OverCoreMinutes are the gain. The mean is that of a batch of hours, and the interval is over batches.
	HotMinutes      Estimate `json:"hotMinutesGained"`
	OverCoreMinutes Estimate `json:"overCoreMinutesGained"`
	// Enough has been seen for the interval to mean something: about a day, and EnoughPods moved.
	Enough bool `json:"enough"`
}

// report sums up. Nodes exchange load, so they are no independent draws; hours that are far enough apart nearly are. Hence the interval is
// that of batch means (Schmeiser, Operations Research 30, 1982): Student's over batches of four hours, of which a day has six.
func (o *own) report() Together {
	t := Together{Moved: o.placed, Now: len(o.moves)}
	batches := slices.Clone(o.batches)
	if n := len(batches); n > 1 && batches[n-1].minutes < o.length.Minutes()/2 {
		batches[n-2].plus(&batches[n-1]) // What has just begun is none of its own.
		batches = batches[:n-1]
	}
	var gains []cluster
	for i := range batches {
		b := &batches[i]
		t.Minutes, t.Theirs, t.Ours = t.Minutes+b.minutes, t.Theirs.plus(b.theirs), t.Ours.plus(b.ours)
		gains = append(gains, cluster{1, b.theirs.minus(b.ours)})
	}
	t.HotMinutes, t.OverCoreMinutes = estimate(gains, Load.hotMinutes), estimate(gains, Load.overCoreMinutes)
	t.Enough = t.Minutes >= 23*60 && t.Moved >= EnoughPods
	return t
}
