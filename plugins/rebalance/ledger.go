// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"slices"
	"time"
)

// ledger is the memory of moves, as long as they count: for an hour against budgets, and for longer
// against moving the same pod again.
type ledger struct {
	breaker Breaker
	since   time.Time
	moves   []*made
	// inherited are pods that may have come by moves of an earlier planner. If nil, they are not
	// known yet.
	inherited []inherited
	// lineage holds, by UID, the history of pods that were moved.
	lineage map[string]*lineage
	stopped time.Time // until when the breaker has stopped moves
	sums    struct{ promised, realised, moves float64 }
}

// made is a move that was carried out or suggested.
type made struct {
	Move
	successor string // UID; "" is not known yet
	realised  float64
	followed  time.Duration
	settled   bool
}

// inherited is a pod that may have replaced one that was moved before this planner began.
type inherited struct {
	workload, namespace, node string
	at                        time.Time
}

// inherit counts pods that came shortly before this planner began, and pods that are being deleted,
// as moves against the budgets for an hour, since the moves of an earlier planner are among them.
// It counts none if moves bar no pod from moving again.
func (l *ledger) inherit(c *Cluster, o *Options) {
	if l.inherited != nil {
		return
	}
	l.inherited = []inherited{}
	within := min(time.Hour, o.Again)
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Pods {
			at := p.Created
			switch p.Fixed {
			case Deleting:
				at = l.since
			case "", Unmeasured, NotRunning, Disrupts:
			default:
				continue // No planner moves such pods.
			}
			if age := l.since.Sub(at); age >= 0 && age < within {
				l.inherited = append(l.inherited, inherited{p.Workload, p.Namespace, c.Nodes[i].Name, at})
			}
		}
	}
}

// lineage is the history of one pod through its moves.
type lineage struct {
	moved time.Time
	left  []string // nodes, the newest last
}

// mostLeft is the number of nodes that are remembered for a pod.
const mostLeft = 8

func newLedger(b Breaker, since time.Time) ledger {
	return ledger{breaker: b, since: since, lineage: map[string]*lineage{}}
}

// Moved tells the planner that a move was made or suggested.
func (p *Planner) Moved(m Move) {
	m.Pod = m.Pod.named()
	// A move that empties a node promises no gain that could be followed.
	p.ledger.moves = append(p.ledger.moves, &made{Move: m, settled: m.Empties})
}

// Succeeded tells the planner which pod replaced one that was moved.
func (p *Planner) Succeeded(moved *Pod, successor string) {
	l := &p.ledger
	for _, m := range l.moves {
		if m.Pod.UID != moved.UID || m.successor != "" {
			continue
		}
		m.successor = successor
		line := l.lineage[moved.UID]
		delete(l.lineage, moved.UID)
		if line == nil {
			line = &lineage{}
		}
		line.moved = m.At
		line.left = append(line.left, m.From)
		line.left = line.left[max(0, len(line.left)-mostLeft):]
		l.lineage[successor] = line
	}
}

// forget drops what no longer counts.
func (l *ledger) forget(now time.Time, after time.Duration) {
	l.inherited = slices.DeleteFunc(l.inherited, func(i inherited) bool { return now.Sub(i.at) >= time.Hour })
	l.moves = slices.DeleteFunc(l.moves, func(m *made) bool { return m.settled && now.Sub(m.At) >= after || now.Sub(m.At) >= 2*after })
	for uid, line := range l.lineage {
		if now.Sub(line.moved) > max(4*after, 7*24*time.Hour) {
			delete(l.lineage, uid)
		}
	}
}

// allows returns why a pod may not leave its node now, or "" if it may. Planned moves count as
// made. Moves that empty nodes and other moves have separate budgets for the hour; those of a
// workload and of a namespace are shared.
func (l *ledger) allows(pod *Pod, node string, now time.Time, o *Options, planned []Move, empties bool) Reason {
	// 1. Not twice within a time. If the predecessor of a pod is not known, it may have been moved:
	// its workload had a move without a known successor, or the pod came shortly before this
	// planner began.
	if line := l.lineage[pod.UID]; line != nil && now.Sub(line.moved) < o.Again {
		return TooSoon
	}
	if pod.Created.After(l.since.Add(-o.Again)) && pod.Created.Before(l.since) && now.Sub(pod.Created) < o.Again {
		return TooSoon
	}
	hour, ofWorkload, ofNamespace := len(planned), 0, 0
	count := func(workload, namespace string) {
		if workload == pod.Workload {
			ofWorkload++
		}
		if namespace == pod.Namespace {
			ofNamespace++
		}
	}
	for i := range planned {
		count(planned[i].Pod.Workload, planned[i].Pod.Namespace)
	}
	for i := range l.inherited {
		hour++
		count(l.inherited[i].workload, l.inherited[i].namespace)
	}
	for _, m := range l.moves {
		if m.Pod.UID == pod.UID {
			return TooSoon // It is on its way, or was suggested.
		}
		if m.successor == "" && m.Pod.Workload == pod.Workload && pod.Created.After(m.At) && now.Sub(m.At) < o.Again {
			return TooSoon
		}
		if now.Sub(m.At) < time.Hour {
			if m.Empties == empties {
				hour++
			}
			count(m.Pod.Workload, m.Pod.Namespace)
		}
	}
	// 2. Budgets.
	switch {
	case empties && hour >= o.EmptyingHour || !empties && hour >= o.Hour:
		return HourBudget
	case ofWorkload >= o.Workload:
		return WorkloadSpent
	case ofNamespace >= o.Namespace:
		return TenantBudget
	case !empties && l.spent(node, now, planned) >= o.Node:
		return NodeBudget
	}
	return ""
}

// spent returns how many pods have moved from or to a node within an hour.
func (l *ledger) spent(node string, now time.Time, planned []Move) (n int) {
	for i := range planned {
		if planned[i].From == node || planned[i].To == node {
			n++
		}
	}
	for i := range l.inherited {
		if l.inherited[i].node == node {
			n++
		}
	}
	for _, m := range l.moves {
		if now.Sub(m.At) < time.Hour && (m.From == node || m.To == node) {
			n++
		}
	}
	return n
}

// left reports whether a pod was moved away from the node before.
func (l *ledger) left(pod *Pod, node string) bool {
	line := l.lineage[pod.UID]
	return line != nil && slices.Contains(line.left, node)
}
