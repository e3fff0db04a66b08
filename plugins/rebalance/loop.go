// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
)

const (
	// patience is how long a look at the cluster may take, and evictionPatience an eviction.
	patience, evictionPatience = 20 * time.Second, 15 * time.Second
	// awaited is how long to wait for a moved pod's successor before other pods move.
	awaited = 10 * time.Minute
	// backOff is how long a workload is left alone after one of its evictions was refused. It
	// doubles with each further refusal, up to backOffMost: 5, 10, 20, 40, 80, 120 min.
	backOff, backOffMost = 5 * time.Minute, 2 * time.Hour
)

// World is a loop's access to the cluster.
type World interface {
	DryRun
	Elsewhere
	// See returns the cluster as it is now.
	See(ctx context.Context, now time.Time) (*Cluster, error)
	// Leads reports whether this process may write.
	Leads() bool
	// Evict asks the API server to evict the pod, by its UID.
	Evict(ctx context.Context, pod *Pod) error
	// Tell sends an event of the pod about a move, or about why one was refused. result is a
	// Record's.
	Tell(pod *Pod, result, note string)
}

// Loop looks at the cluster at an interval and suggests or makes moves.
type Loop struct {
	World    World
	Options  Options
	Interval time.Duration
	// Evicts is true if moves are made, not only suggested.
	Evicts bool
	Count  *Metrics
	// Packer empties nodes. If nil, none are emptied.
	Packer Packer

	turn    turn // to look at the cluster, and to evict
	planner *Planner
	since   time.Time // it leads
	last    time.Time
	awaits  *awaits
	refused map[string]*refusals // by workload

	told diary
}

// awaits is an evicted pod whose successor does not run yet.
type awaits struct {
	move   Move
	before map[string]bool // UIDs of its workload's pods
	record int64           // ID
}

type refusals struct {
	until time.Time
	pause time.Duration
}

// turn is a lock. Waiting for it ends with a context.
type turn struct {
	once  sync.Once
	taken chan struct{}
}

func (t *turn) take(ctx context.Context) error {
	t.once.Do(func() { t.taken = make(chan struct{}, 1) })
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turn) end() { <-t.taken }

// newPlanner returns a planner that begins now. If no pods are evicted, the planner before it moved
// none.
func (l *Loop) newPlanner(now time.Time) *Planner {
	p := NewPlanner(l.Options, now)
	if !l.Evicts {
		p.ledger.inherited = []inherited{}
	}
	return p
}

// Run looks at the cluster at each interval until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	ticker := time.NewTicker(l.Interval)
	defer ticker.Stop()
	for {
		l.Look(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Look is one look at the cluster, including the moves that follow from it.
func (l *Loop) Look(ctx context.Context, now time.Time) {
	if l.turn.take(ctx) != nil {
		return // The process ends.
	}
	defer l.turn.end()
	log := klog.FromContext(ctx)
	if !l.World.Leads() {
		l.planner, l.awaits = nil, nil // What another leader does is not known here.
		if l.Packer != nil {
			l.Packer.Forget()
		}
		return
	}
	if l.planner == nil {
		l.planner, l.refused, l.last, l.since = l.newPlanner(now), map[string]*refusals{}, now, now
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()

	// 1. See what is expected of the cluster and what past moves brought.
	c, err := l.World.See(ctx, now)
	if err != nil {
		l.Count.looked(now, time.Since(start), nil, l.planner)
		log.Error(err, "Looking for moves failed")
		return
	}
	l.planner.Follow(c, now.Sub(l.last))
	l.last = now
	waits := l.await(c)
	l.leaveAlone(c)

	// 2. Find the best move.
	plan, err := l.planner.Plan(ctx, c, l.World, 1)
	took := time.Since(start)
	if err != nil {
		l.Count.looked(now, took, nil, l.planner)
		log.Error(err, "Looking for moves failed")
		return
	}
	if waits && len(plan.Moves) > 0 {
		plan.refuse(&Refusal{Pod: plan.Moves[0].Pod, Node: plan.Moves[0].From, To: plan.Moves[0].To, Cures: plan.Moves[0].Before - plan.Moves[0].After, Gain: plan.Moves[0].Gain(), Reason: Awaits})
		plan.Moves = nil
	}

	// 3. Suggest or make it.
	for i := range plan.Moves {
		l.make(ctx, c, plan, &plan.Moves[i])
	}

	// 4. If nothing is to be cured, a node may be emptied.
	if l.Packer != nil {
		_, _, stopped := l.planner.Realised()
		if m := l.Packer.Look(ctx, c, l.planner, !waits && len(plan.Moves) == 0 && !now.Before(stopped)); m != nil {
			l.make(ctx, c, plan, m)
		}
	}
	plan.count()
	l.Count.looked(now, took, plan, l.planner)
	plan.Moves, plan.refused = nil, nil // They hold the pods of the look, and the diary does not tell them.
	promised, realised, stopped := l.planner.Realised()
	l.told.looked(now, plan, promised, realised, stopped, l.planner.Brought)
}

// make makes or suggests a move.
func (l *Loop) make(ctx context.Context, c *Cluster, plan *Plan, m *Move) {
	record := c.record(m)
	if !l.Evicts {
		record.Result = Suggested
		l.planner.Moved(*m)
		l.keep(m, &record)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, evictionPatience)
	defer cancel()
	switch err := l.World.Evict(ctx, m.Pod); {
	case err == nil:
		record.Result = Made
		if m.Empties {
			record.Result = Packed
			l.Packer.Moved(m)
		}
		l.planner.Moved(*m)
		before := map[string]bool{}
		for i := range c.Nodes {
			for _, p := range c.Nodes[i].Pods {
				if p.Workload == m.Pod.Workload {
					before[p.UID] = true
				}
			}
		}
		l.keep(m, &record)
		l.awaits = &awaits{move: *m, before: before, record: record.ID}
		l.awaits.move.Pod = m.Pod.named()
		delete(l.refused, m.Pod.Workload)
		return
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return // It went by itself.
	case apierrors.IsTooManyRequests(err):
		record.Result, record.Why = string(Disrupts), record.Why+". Refused: "+Cut(err.Error())
	default:
		record.Result, record.Why = string(Failed), record.Why+". Failed: "+Cut(err.Error())
		klog.FromContext(ctx).Error(err, "Evicting a pod failed", "pod", m.Pod.Namespace+"/"+m.Pod.Name)
	}
	r := l.refused[m.Pod.Workload]
	if r == nil {
		r = &refusals{pause: backOff / 2}
		l.refused[m.Pod.Workload] = r
	}
	r.pause = min(2*r.pause, backOffMost)
	r.until = c.Now.Add(r.pause)
	l.keep(m, &record)
	if m.Empties {
		l.Packer.Refused(ctx, m, Reason(record.Result))
		return
	}
	plan.refuse(&Refusal{Pod: m.Pod, Node: m.From, To: m.To, Cures: m.Before - m.After, Gain: m.Gain(), Reason: Reason(record.Result)})
}

// keep stores a record, counts it, and sends an event of the pod.
func (l *Loop) keep(m *Move, r *Record) {
	l.told.add(r)
	l.Count.moves.WithLabelValues(r.Result).Inc()
	if r.Result == Suggested || r.Result == Made {
		l.Count.promised.Add(m.Gain())
	}
	l.World.Tell(m.Pod, r.Result, r.Why)
}

// Cut limits the length of text from others, to 200 bytes.
func Cut(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// leaveAlone fixes the pods of workloads whose evictions were refused a short time ago.
func (l *Loop) leaveAlone(c *Cluster) {
	// The length of a workload's pauses is forgotten once it has had no refusal for long.
	maps.DeleteFunc(l.refused, func(_ string, r *refusals) bool { return c.Now.Sub(r.until) > backOffMost })
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Pods {
			if r := l.refused[p.Workload]; r != nil && p.Fixed == "" && c.Now.Before(r.until) {
				p.Fixed = Disrupts
			}
		}
	}
}

// await looks for the successor of the last evicted pod and reports whether to wait for it.
func (l *Loop) await(c *Cluster) bool {
	w := l.awaits
	if w == nil {
		return l.Evicts && c.Now.Sub(l.since) < awaited && c.unsettled(l.since)
	}
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Pods {
			if p.Workload != w.move.Pod.Workload || w.before[p.UID] || p.Fixed == NotRunning || p.Fixed == Deleting {
				continue
			}
			l.planner.Succeeded(w.move.Pod, p.UID)
			l.told.succeeded(w.record, p, c.Nodes[i].Name)
			l.awaits = nil
			return false
		}
	}
	if c.Now.Sub(w.move.At) > awaited {
		l.awaits = nil
		return false
	}
	return true
}

// unsettled reports whether a pod that the previous leader evicted may be on its way: one is being
// deleted, or came shortly before this one led and does not run yet.
func (c *Cluster) unsettled(since time.Time) bool {
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Pods {
			if p.Fixed == Deleting || p.Fixed == NotRunning && since.Sub(p.Created) < awaited {
				return true
			}
		}
	}
	return false
}
