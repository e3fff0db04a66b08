// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// mostEmptied is the number of nodes that are found at a time, and mostPackAsks how often the
	// scheduler is asked for all of them.
	mostEmptied, mostPackAsks = 10, 100
)

// Elsewhere asks the scheduler where pods would go if nodes were not there.
type Elsewhere interface {
	// Elsewhere returns the nodes that the pod's profile would choose among if the pod left its
	// node and the nodes of without did not exist. The pods of moved count as being on their new
	// nodes.
	Elsewhere(ctx context.Context, pod *Pod, without []string, moved []Move) ([]string, error)
}

// Emptied is a node that could do without its pods, so that a cluster autoscaler can remove it.
type Emptied struct {
	Node string `json:"node"`
	// Moves are those that empty it. Pods of DaemonSets and static pods are removed with the node.
	Moves []EmptyingMove `json:"moves"`
	// Harm is how much more all nodes together would suffer within the horizon, in core minutes.
	Harm float64 `json:"harm_core_minutes"`
}

// EmptyingMove is the move of one pod, by namespace/name.
type EmptyingMove struct {
	Pod string `json:"pod"`
	To  string `json:"to"`
}

// Packing is the answer to which nodes could be emptied.
type Packing struct {
	Time    time.Time `json:"time"`
	Emptied []Emptied `json:"emptied"`
	// Nodes counts all nodes, and Tried those that were tried. Kept counts those not emptied, by
	// reason.
	Nodes int            `json:"nodes"`
	Tried int            `json:"tried"`
	Kept  map[Reason]int `json:"kept"`
	// Partial is true if the time was over before all nodes were looked at.
	Partial bool `json:"partial,omitempty"`

	// Mode is that of the loop that empties nodes; empty is off.
	Mode string `json:"mode,omitempty"`
	// Now is the node that the loop is emptying, and Since since when.
	Now   string     `json:"now,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	// Records are the loop's, the newest first.
	Records []NodeRecord `json:"records,omitempty"`
}

// NodeRecord is what happened to a node that was to be emptied.
type NodeRecord struct {
	Time time.Time `json:"time"`
	Node string    `json:"node"`
	// Result is suggested, marked, emptied, removed or given-up.
	Result string `json:"result"`
	// Reason is why it was given up.
	Reason Reason `json:"reason,omitempty"`
	Why    string `json:"why"`
}

// These are the reasons why a node is not emptied, besides those why a pod does not move.
const (
	Harms  Reason = "harm"    // the other nodes would suffer
	Unsure Reason = "unknown" // nothing recent is known of it
	Takes  Reason = "takes"   // it takes pods of another node that is emptied
	Many   Reason = "pods"    // it has more pods than the scheduler is still asked about, or than maxPods
)

// Pack finds nodes that can be emptied, one after the other, within Options.MaxHarm each. It tries
// first the nodes whose pods request the least CPU. It neither moves nor remembers anything:
// budgets do not count, and the evictor must check PodDisruptionBudgets. If ctx's deadline passes,
// it returns what it found until then.
func (p *Planner) Pack(ctx context.Context, c *Cluster, dry Elsewhere) (*Packing, error) {
	s := newState(c)
	out := &Packing{Time: c.Now, Emptied: []Emptied{}, Nodes: len(c.Nodes), Kept: map[Reason]int{}}
	order := make([]int, len(c.Nodes))
	asked := make([]float64, len(c.Nodes))
	for i := range c.Nodes {
		order[i] = i
		for _, pod := range c.Nodes[i].Pods {
			asked[i] += pod.Asked
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(asked[a], asked[b]) })
	takes := map[string]bool{}
	var without []string
	var moved []Move
	asks := mostPackAsks
	for _, i := range order {
		n := &c.Nodes[i]
		if asks == 0 || len(out.Emptied) == mostEmptied {
			break
		}
		pods, reason := n.Leaving()
		if len(pods) > 0 && n.Kept != "" {
			reason = n.Kept
		}
		switch {
		case takes[n.Name]:
			reason = Takes
		case reason == "" && len(pods) == 0:
			continue // It is empty.
		case reason == "" && len(pods) > asks:
			reason = Many
		}
		if reason != "" {
			out.Kept[reason]++
			continue
		}
		moves, harm, reason, err := p.empty(ctx, s, dry, i, pods, append(without, n.Name), moved, &asks)
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			out.Partial = true
			break
		}
		if err != nil {
			return nil, err
		}
		out.Tried++
		if reason != "" {
			out.Kept[reason]++
			continue
		}
		e := Emptied{Node: n.Name, Harm: harm}
		for j := range moves {
			takes[moves[j].To] = true
			e.Moves = append(e.Moves, EmptyingMove{moves[j].Pod.Namespace + "/" + moves[j].Pod.Name, moves[j].To})
		}
		out.Emptied = append(out.Emptied, e)
		without, moved = append(without, n.Name), append(moved, moves...)
	}
	return out, nil
}

// Leaving returns the pods that must leave a node to empty it, the largest first, or why one
// cannot.
func (n *Node) Leaving() (pods []*Pod, reason Reason) {
	if n.Unknown {
		return nil, Unsure
	}
	for _, p := range n.Pods {
		switch p.Fixed {
		case OfDaemonSet, Static:
		case "":
			pods = append(pods, p)
		default:
			return nil, p.Fixed
		}
	}
	slices.SortStableFunc(pods, func(a, b *Pod) int { return cmp.Compare(b.Asked, a.Asked) })
	return pods, ""
}

// empty moves all pods off a node, or none with a reason.
func (p *Planner) empty(ctx context.Context, s *state, dry Elsewhere, node int, pods []*Pod, without []string, before []Move, asks *int) (moves []Move, harm float64, reason Reason, err error) {
	from := &s.cluster.Nodes[node]
	sums, suffers := map[int]sum{node: slices.Clone(s.sums[node])}, map[int]float64{node: s.suffers[node]}
	defer func() {
		if reason == "" && err == nil {
			return
		}
		for i := range sums {
			s.sums[i], s.suffers[i] = sums[i], suffers[i]
		}
	}()
	for _, pod := range pods {
		if err := ctx.Err(); err != nil {
			return nil, 0, "", err
		}
		*asks--
		nodes, err := dry.Elsewhere(ctx, pod, without, append(slices.Clone(before), moves...))
		if err != nil {
			return nil, 0, "", err
		}
		// As with moves, the worst of those that are as good to the scheduler counts.
		worst, rises := -1, 0.0
		for _, name := range nodes {
			i, there := s.byName[name]
			switch {
			case !there || s.cluster.Nodes[i].Unknown:
				return nil, 0, NoNode, nil
			case !s.cluster.Nodes[i].Marked.IsZero():
				return nil, 0, IntoEmptying, nil
			case p.ledger.left(pod, name):
				return nil, 0, WentBack, nil
			}
			if more := s.cluster.suffers(&s.cluster.Nodes[i], s.sums[i].with(pod, 1, s.scratch)) - s.suffers[i]; worst < 0 || more > rises {
				worst, rises = i, more
			}
		}
		if worst < 0 {
			return nil, 0, NoNode, nil
		}
		if _, kept := sums[worst]; !kept {
			sums[worst], suffers[worst] = slices.Clone(s.sums[worst]), s.suffers[worst]
		}
		m := Move{Pod: pod, From: from.Name, To: s.cluster.Nodes[worst].Name, At: s.cluster.Now, Empties: true, Left: len(pods) - len(moves) - 1}
		s.move(&m)
		moves = append(moves, m)
		harm = 0
		for i := range sums {
			harm += s.suffers[i] - suffers[i]
		}
		if harm > p.options.MaxHarm+suffers[node] {
			return nil, 0, Harms, nil // What is still on the node can spare it no more than it suffers.
		}
	}
	if harm > p.options.MaxHarm {
		return nil, 0, Harms, nil
	}
	return moves, harm, "", nil
}

// Empty returns moves of the given pods off a node, each made after those before it, and how much
// more all nodes together then suffer, in core minutes. If the node cannot be emptied, it returns
// the reason. pods are those of Leaving or some of them.
func (p *Planner) Empty(ctx context.Context, c *Cluster, dry Elsewhere, node int, pods []*Pod) (moves []Move, harm float64, reason Reason, err error) {
	return p.empty(ctx, newState(c), dry, node, pods, []string{c.Nodes[node].Name}, nil, new(int))
}

// MayLeave returns why a pod may not leave its node now for emptying it, or "" if it may.
func (p *Planner) MayLeave(c *Cluster, pod *Pod, node string) Reason {
	return p.ledger.allows(pod, node, c.Now, &p.options, nil, true)
}

// Packer empties nodes in the course of a loop's looks.
type Packer interface {
	// Look continues or begins to empty a node, and returns the move to make now, or nil. quiet is
	// true if no other pod moves or is on its way. The caller reports the move to Moved or Refused.
	Look(ctx context.Context, c *Cluster, p *Planner, quiet bool) *Move
	// Moved reports that the pod of the move was evicted.
	Moved(m *Move)
	// Refused reports why it was not.
	Refused(ctx context.Context, m *Move, why Reason)
	// Forget drops what was begun, since another process leads.
	Forget()
	// Tell adds the packer's state and records to the answer.
	Tell(into *Packing)
}

// Pack returns which nodes could be emptied now. It neither moves nor remembers anything.
func (l *Loop) Pack(ctx context.Context, now time.Time) (*Packing, error) {
	if err := l.turn.take(ctx); err != nil {
		return nil, err
	}
	defer l.turn.end()
	c, err := l.World.See(ctx, now)
	if err != nil {
		return nil, err
	}
	out, err := NewPlanner(l.Options, now).Pack(ctx, c, l.World)
	if err == nil && l.Packer != nil {
		l.Packer.Tell(out)
	}
	return out, err
}
