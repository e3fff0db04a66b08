// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Breaker stops moves if past moves did not bring what they promised.
type Breaker struct {
	// Moves is how many moves must have been followed to the end before the breaker judges; 0 is
	// never.
	Moves float64
	// Share is the part of the promised gain that moves must bring together, 0–1. For example, with
	// .5 moves that promised 100 core minutes and brought 40 trip the breaker.
	Share float64
	// Pause is how long no pod moves after that.
	Pause time.Duration
}

// keepsMove is the part of the sums that still counts after another move. With .95, about the last
// 1/(1 − .95) = 20 moves count.
const keepsMove = .95

// Follow adds up what moves brought in the time since the last call. For CPU only, it compares what
// both nodes now use above the level up to which they run well with what they would use if the pod
// had not moved. If two pods left one node, each is compared with the other one moved, so together
// they brought more than the sum says. A move is followed for as long as the slots reach. Realised
// returns the sums.
func (p *Planner) Follow(c *Cluster, over time.Duration) {
	l := &p.ledger
	follow := false
	for _, m := range l.moves {
		follow = follow || !m.settled && m.successor != ""
	}
	if !follow {
		return
	}
	nodes, pods := map[string]*Node{}, map[string]*Pod{}
	for i := range c.Nodes {
		nodes[c.Nodes[i].Name] = &c.Nodes[i]
		for _, pod := range c.Nodes[i].Pods {
			pods[pod.UID] = pod
		}
	}
	reach := c.Until(len(c.Slots))
	for _, m := range l.moves {
		if m.settled || m.successor == "" {
			continue
		}
		pod, from, to := pods[m.successor], nodes[m.From], nodes[m.To]
		m.followed += over
		if pod != nil && from != nil && to != nil && pod.Measured {
			use := pod.Latest
			m.realised += (excess(from, use) - excess(from, 0) - excess(to, 0) + excess(to, -use)) * over.Minutes()
		}
		if pod == nil || m.followed >= reach {
			l.settle(m, c.Now, float64(m.followed)/float64(reach))
		}
	}
}

// Brought returns what the move of a pod at a time has brought so far, in core minutes, and for how
// long it was followed.
func (p *Planner) Brought(uid string, at time.Time) (gain float64, over time.Duration) {
	for _, m := range p.ledger.moves {
		if m.Pod.UID == uid && m.At.Equal(at) {
			return m.realised, m.followed
		}
	}
	return 0, 0
}

// excess returns by how many cores a node with that much more use exceeds the level up to which it
// runs well. For example, a node of 8 cores runs well up to 6.4, so at 7 cores it is .6.
func excess(n *Node, more float64) float64 {
	use := n.Beyond[forecast.CPU].Mean + more
	for _, p := range n.Pods {
		use += p.Latest
	}
	return max(0, use-cycle.RunsWell()[forecast.CPU]*n.Size[forecast.CPU])
}

// settle ends the following of a move and adds it to the sums. part is the part of the time, 0–1,
// for which it was followed.
func (l *ledger) settle(m *made, now time.Time, part float64) {
	m.settled = true
	s := &l.sums
	s.promised = keepsMove*s.promised + (m.Before-m.After)*math.Min(1, part)
	s.realised = keepsMove*s.realised + m.realised
	s.moves++
	if l.breaker.Moves > 0 && s.moves >= l.breaker.Moves && s.realised < l.breaker.Share*s.promised {
		l.stopped = now.Add(l.breaker.Pause)
		s.promised, s.realised, s.moves = 0, 0, 0
	}
}

// Realised returns what about the last twenty moves promised and brought, in core minutes, and
// until when the breaker stops moves.
func (p *Planner) Realised() (promised, realised float64, stopped time.Time) {
	return p.ledger.sums.promised, p.ledger.sums.realised, p.ledger.stopped
}
