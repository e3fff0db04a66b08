// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Breaker stops moves that do not bring what they promised.
type Breaker struct {
	// Moves that must have been followed to the end before it judges; 0 never judges.
	Moves float64
	// Share of the promised gain that moves must bring, all together.
	Share float64
	// Pause is how long no pod moves then.
	Pause time.Duration
}

// keepsMove is what counts of the sums after another move: those of the last twenty or so.
const keepsMove = .95

// Follow adds up what moves brought over the time since it was last called: what both nodes now use beyond what they run well at, against
// what they would with the pod where it was, as far as CPU goes. Of two moves from one node each is held against the other one made, so
// together they brought more than the sum says. A move is followed for as long as the slots reach. Realised returns the sums.
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

// Brought is what the move of a pod at a time has brought so far, in core minutes, and over how long that was followed.
func (p *Planner) Brought(uid string, at time.Time) (gain float64, over time.Duration) {
	for _, m := range p.ledger.moves {
		if m.Pod.UID == uid && m.At.Equal(at) {
			return m.realised, m.followed
		}
	}
	return 0, 0
}

// excess is by how many cores a node passes what it runs well at, with so much more on it.
func excess(n *Node, more float64) float64 {
	use := n.Beyond[forecast.CPU].Mean + more
	for _, p := range n.Pods {
		use += p.Latest
	}
	return max(0, use-cycle.RunsWell()[forecast.CPU]*n.Size[forecast.CPU])
}

// settle ends the following of a move.
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

// Realised is what the last twenty or so moves promised and brought, in core minutes, and until when the breaker stops moves.
func (p *Planner) Realised() (promised, realised float64, stopped time.Time) {
	return p.ledger.sums.promised, p.ledger.sums.realised, p.ledger.stopped
}
