// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Options are those of a planner.
type Options struct {
	// MinGain is the least gain of a move, after its cost, in core minutes.
	MinGain float64
	// MinShare is the same as a share of what the pod's leaving cures, 0–1, so that the harm is not
	// mostly passed on. For example, with MinGain = 10 and MinShare = .5, a pod whose leaving cures
	// 60 core minutes must gain 30.
	MinShare float64
	// Lost is how long it takes to resume a pod's work elsewhere. The cost of a move is the pod's
	// CPU use over that time: .5 cores for 5 min cost 2.5 core minutes.
	Lost time.Duration
	// Again is how long a pod is not moved again after a move.
	Again time.Duration
	// These are the most moves within an hour: in all, from or to a node, of a workload, in a
	// namespace.
	Hour, Node, Workload, Namespace int
	// Asks is the number of pods that the scheduler is asked about for one move.
	Asks int
	// Breaker stops moves that do not bring what they promised.
	Breaker Breaker
	// MaxHarm is how much more all nodes together may suffer if a node is emptied, in core minutes.
	MaxHarm float64
	// EmptyingHour is how many pods may move within an hour to empty nodes, in addition to Hour.
	EmptyingHour int
}

// Planner finds moves, and remembers those that were made. It is not safe for concurrent use.
type Planner struct {
	options Options
	ledger  ledger
}

// NewPlanner returns a planner that does not know what was moved before since: a pod that is
// younger than Options.Again may have been moved.
func NewPlanner(o Options, since time.Time) *Planner {
	return &Planner{options: o, ledger: newLedger(o.Breaker, since)}
}

// Plan is what a planner found.
type Plan struct {
	Moves []Move
	// Refused counts the pods that do not move although that would help, by reason.
	Refused map[Reason]int
	// Closest are those whose leaving would help most, the most first: at most mostClosest, with
	// their pods' names only.
	Closest []Refusal
	// Resizes are requests that would keep pods from being placed on nodes that suffer, at most
	// mostResizes. They are only suggested.
	Resizes []Resize
	// SmallRequests counts the workloads that have such requests.
	SmallRequests int
	// Suffers is how much all nodes suffer within the time ahead, in core minutes.
	Suffers float64

	refused map[*Pod]Refusal // the newest of each pod
}

// Refusal is a pod that does not move although its leaving would cure Cures core minutes.
type Refusal struct {
	Pod      *Pod
	Node, To string
	Cures    float64
	Gain     float64
	Reason   Reason
}

// candidate is a pod whose leaving would help.
type candidate struct {
	pod   *Pod
	node  int
	cures float64
}

// state is that of a cluster while moves are planned.
type state struct {
	cluster *Cluster
	sums    []sum
	suffers []float64
	byName  map[string]int
	gone    map[*Pod]bool // planned already
	scratch sum
}

func newState(c *Cluster) *state {
	s := &state{cluster: c, byName: make(map[string]int, len(c.Nodes)), gone: map[*Pod]bool{}, scratch: c.sumOf(&Node{})}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		s.byName[n.Name] = i
		s.sums = append(s.sums, c.sumOf(n))
		s.suffers = append(s.suffers, c.suffers(n, s.sums[i]))
	}
	return s
}

// Plan returns up to most moves, the best first, each found with those before it made. It makes
// none: call Moved for each move that is made.
func (p *Planner) Plan(ctx context.Context, c *Cluster, dry DryRun, most int) (*Plan, error) {
	s := newState(c)
	out := &Plan{Refused: map[Reason]int{}, refused: map[*Pod]Refusal{}}
	for _, suffers := range s.suffers {
		out.Suffers += suffers
	}
	out.Resizes = s.resizes(p.options.MinGain)
	out.SmallRequests = len(out.Resizes)
	out.Resizes = out.Resizes[:min(len(out.Resizes), mostResizes)]
	p.ledger.inherit(c, &p.options)
	p.ledger.forget(c.Now, max(p.options.Again, time.Hour))
	if until := p.ledger.stopped; c.Now.Before(until) {
		out.Refused[Stopped]++
		return out, nil
	}
	defer out.count()
	for len(out.Moves) < most {
		move, err := p.next(ctx, s, dry, out)
		if err != nil || move == nil {
			return out, err
		}
		out.Moves = append(out.Moves, *move)
		delete(out.refused, move.Pod)
		s.move(move)
	}
	return out, nil
}

// next returns the best move from state s, or nil.
func (p *Planner) next(ctx context.Context, s *state, dry DryRun, out *Plan) (*Move, error) {
	var best *Move
	asked := 0
	for _, c := range p.candidates(s, out) {
		// No later candidate can gain more than it cures.
		if asked >= p.options.Asks || best != nil && c.cures <= best.Gain() {
			break
		}
		asked++
		m, refusal, err := p.judge(ctx, s, dry, &c, out.Moves)
		if err != nil {
			return nil, err
		}
		if refusal != nil {
			out.refuse(refusal)
			continue
		}
		if best == nil || m.Gain() > best.Gain() {
			best = m
		}
	}
	return best, nil
}

// count fills in Refused and Closest. Each pod counts once, however many moves were planned.
func (o *Plan) count() {
	maps.DeleteFunc(o.Refused, func(r Reason, _ int) bool { return r != Stopped }) // That one is of no pod.
	o.Closest = o.Closest[:0]
	for _, r := range o.refused {
		o.Refused[r.Reason]++
		o.Closest = append(o.Closest, r)
	}
	slices.SortFunc(o.Closest, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(b.Cures, a.Cures), cmp.Compare(a.Pod.UID, b.Pod.UID))
	})
	o.Closest = slices.Clone(o.Closest[:min(len(o.Closest), mostClosest)])
	for i := range o.Closest {
		o.Closest[i].Pod = o.Closest[i].Pod.named()
	}
}

// refuse records why a pod does not move. Call count when all are recorded.
func (o *Plan) refuse(r *Refusal) { o.refused[r.Pod] = *r }

const mostClosest = 500

// candidates returns the pods whose leaving cures more than the margin, the best first.
func (p *Planner) candidates(s *state, out *Plan) (all []candidate) {
	for i := range s.cluster.Nodes {
		n := &s.cluster.Nodes[i]
		if s.suffers[i] <= p.options.MinGain || n.Unknown {
			continue
		}
		for _, pod := range n.Pods {
			if s.gone[pod] {
				continue
			}
			cures := s.suffers[i] - s.cluster.suffers(n, s.sums[i].with(pod, -1, s.scratch))
			if cures <= p.options.MinGain+p.cost(pod) {
				continue
			}
			reason := pod.Fixed
			if reason == "" {
				reason = p.ledger.allows(pod, n.Name, s.cluster.Now, &p.options, out.Moves, false)
			}
			if reason != "" {
				out.refuse(&Refusal{Pod: pod, Node: n.Name, Cures: cures, Reason: reason})
				continue
			}
			all = append(all, candidate{pod, i, cures})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.cures-p.cost(b.pod), a.cures-p.cost(a.pod)), cmp.Compare(a.pod.UID, b.pod.UID))
	})
	return all
}

// cost returns that of moving a pod, in core minutes.
func (p *Planner) cost(pod *Pod) float64 { return pod.Now[forecast.CPU] * p.options.Lost.Minutes() }

// judge asks the scheduler where a pod would go, and returns the move or why there is none.
func (p *Planner) judge(ctx context.Context, s *state, dry DryRun, c *candidate, moved []Move) (*Move, *Refusal, error) {
	from := &s.cluster.Nodes[c.node]
	refused := &Refusal{Pod: c.pod, Node: from.Name, Cures: c.cures}
	refuse := func(reason Reason) (*Move, *Refusal, error) {
		refused.Reason = reason
		return nil, refused, nil
	}
	nodes, err := dry.Best(ctx, c.pod, from.Name, moved)
	if err != nil {
		return nil, nil, err
	}
	if len(nodes) == 0 {
		return refuse(NoNode)
	}
	// The pod may go to any of these nodes, which are equally good to the scheduler, so the worst
	// of them counts.
	worst := -1
	after := 0.0
	for _, name := range nodes {
		i, there := s.byName[name]
		switch {
		case name == from.Name:
			return refuse(Stays)
		case !there:
			return refuse(NoNode)
		case p.ledger.left(c.pod, name):
			return refuse(WentBack)
		case !s.cluster.Nodes[i].Marked.IsZero():
			return refuse(IntoEmptying)
		case p.ledger.spent(name, s.cluster.Now, moved) >= p.options.Node:
			return refuse(NodeBudget)
		}
		rises := s.cluster.suffers(&s.cluster.Nodes[i], s.sums[i].with(c.pod, 1, s.scratch)) - s.suffers[i]
		if worst < 0 || rises > after {
			worst, after = i, rises
		}
	}
	m := &Move{Pod: c.pod, From: from.Name, To: s.cluster.Nodes[worst].Name, At: s.cluster.Now, Cost: p.cost(c.pod)}
	m.Before = s.suffers[c.node] + s.suffers[worst]
	m.After = m.Before - c.cures + after
	refused.To, refused.Gain = m.To, m.Gain()
	if m.Gain() < max(p.options.MinGain, p.options.MinShare*c.cures) {
		return refuse(TooLittle)
	}
	m.Peak = s.cluster.peak(from, s.sums[c.node], c.pod)
	m.PeakTo = s.cluster.peak(&s.cluster.Nodes[worst], s.sums[worst].with(c.pod, 1, s.scratch), c.pod)
	return m, nil, nil
}

// move carries out a move in the state.
func (s *state) move(m *Move) {
	for _, end := range []struct {
		name string
		sign float64
	}{{m.From, -1}, {m.To, 1}} {
		i := s.byName[end.name]
		s.sums[i].add(m.Pod, end.sign)
		s.suffers[i] = s.cluster.suffers(&s.cluster.Nodes[i], s.sums[i])
	}
	s.gone[m.Pod] = true
}
