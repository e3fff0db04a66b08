// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict"
)

const (
	// patience is how long a look at the cluster may take, and an eviction.
	patience, evictionPatience = 20 * time.Second, 15 * time.Second
	// awaited is how long the successor of a pod is waited for before other pods move.
	awaited = 10 * time.Minute
	// backOff is for how long a workload is left alone of which an eviction was refused; it doubles each time, up to backOffMost.
	backOff, backOffMost = 5 * time.Minute, 2 * time.Hour
	// mostRecords of moves are kept.
	mostRecords = 200
)

// World is what a loop asks of the cluster, and does to it.
type World interface {
	DryRun
	// See returns the cluster as it is now.
	See(ctx context.Context, now time.Time) (*Cluster, error)
	// Leads says whether this process may write.
	Leads() bool
	// Evict asks the API server to evict the pod, by its UID.
	Evict(ctx context.Context, pod *Pod) error
	// Tell tells of an eviction in an event.
	Tell(pod *Pod, note string)
}

// Loop looks at the cluster each interval, and suggests or makes moves.
type Loop struct {
	World    World
	Options  Options
	Interval time.Duration
	// Evicts says that moves are made.
	Evicts bool
	Count  *Metrics

	lock    sync.Mutex
	planner *Planner
	last    time.Time
	awaits  *awaits
	refused map[string]*refusals // by workload
	records []Record             // the newest last
	plan    *Plan
	looked  time.Time
}

// awaits is a pod that was evicted, whose successor does not run yet.
type awaits struct {
	move   Move
	before map[string]bool // UIDs of its workload's pods
	record int64           // ID
}

type refusals struct {
	until time.Time
	pause time.Duration
}

// Record of a move that was suggested or tried.
type Record struct {
	ID        int64     `json:"id"`
	Time      time.Time `json:"time"`
	Result    string    `json:"result"` // suggested, moved, pdb or error
	Namespace string    `json:"namespace"`
	Pod       string    `json:"pod"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	// Why in a sentence.
	Why string `json:"why"`
	// Gain in core minutes, and what of it is the cost of the move, taken off.
	Gain float64 `json:"gain_core_minutes"`
	Cost float64 `json:"cost_core_minutes"`
	// Successor is the pod that came in its place, and On the node that it came to; empty is not known.
	Successor string `json:"successor,omitempty"`
	On        string `json:"on,omitempty"`
}

// Run looks each interval until ctx ends.
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

// Look is one look at the cluster, and what follows from it.
func (l *Loop) Look(ctx context.Context, now time.Time) {
	l.lock.Lock()
	defer l.lock.Unlock()
	log := klog.FromContext(ctx)
	if !l.World.Leads() {
		l.planner, l.awaits = nil, nil // What another leader does is not known here.
		return
	}
	if l.planner == nil {
		l.planner, l.refused, l.last = NewPlanner(l.Options, now), map[string]*refusals{}, now
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()

	// 1. What the cluster is expected to come to, and what past moves brought.
	c, err := l.World.See(ctx, now)
	if err != nil {
		log.Error(err, "Looking for moves failed")
		return
	}
	l.planner.Follow(c, now.Sub(l.last))
	l.last, l.looked = now, now
	waits := l.await(c)
	l.leaveAlone(c)

	// 2. The best move from there.
	plan, err := l.planner.Plan(ctx, c, l.World, 1)
	l.Count.looked(time.Since(start), plan, l.planner)
	if err != nil {
		log.Error(err, "Looking for moves failed")
		return
	}
	if waits && len(plan.Moves) > 0 {
		plan.refuse(&Refusal{Pod: plan.Moves[0].Pod, Node: plan.Moves[0].From, To: plan.Moves[0].To, Gain: plan.Moves[0].Gain(), Reason: Awaits})
		plan.Moves = nil
	}
	l.plan = plan

	// 3. Tell it, or make it.
	for i := range plan.Moves {
		l.make(ctx, c, &plan.Moves[i])
	}
}

// make makes or suggests a move.
func (l *Loop) make(ctx context.Context, c *Cluster, m *Move) {
	record := c.record(m)
	l.Count.promised.Add(m.Gain())
	if !l.Evicts {
		record.Result = "suggested"
		l.planner.Moved(*m)
		l.keep(record)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, evictionPatience)
	defer cancel()
	switch err := l.World.Evict(ctx, m.Pod); {
	case err == nil:
		record.Result = "moved"
		l.planner.Moved(*m)
		before := map[string]bool{}
		for i := range c.Nodes {
			for _, p := range c.Nodes[i].Pods {
				if p.Workload == m.Pod.Workload {
					before[p.UID] = true
				}
			}
		}
		l.keep(record)
		l.awaits = &awaits{move: *m, before: before, record: l.records[len(l.records)-1].ID}
		delete(l.refused, m.Pod.Workload)
		l.World.Tell(m.Pod, record.Why)
		return
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return // It went by itself.
	case apierrors.IsTooManyRequests(err):
		record.Result, record.Why = string(Disrupts), record.Why+" Refused: "+cut(err.Error())
	default:
		record.Result, record.Why = string(Failed), record.Why+" Failed: "+cut(err.Error())
		klog.FromContext(ctx).Error(err, "Evicting a pod failed", "pod", m.Pod.Namespace+"/"+m.Pod.Name)
	}
	r := l.refused[m.Pod.Workload]
	if r == nil {
		r = &refusals{pause: backOff / 2}
		l.refused[m.Pod.Workload] = r
	}
	r.pause = min(2*r.pause, backOffMost)
	r.until = c.Now.Add(r.pause)
	l.plan.refuse(&Refusal{Pod: m.Pod, Node: m.From, To: m.To, Gain: m.Gain(), Reason: Reason(record.Result)})
	l.keep(record)
}

// cut bounds the text of others.
func cut(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// leaveAlone fixes the pods of workloads of which evictions were refused a short time ago.
func (l *Loop) leaveAlone(c *Cluster) {
	// How long a workload was refused is forgotten when nothing was for long.
	maps.DeleteFunc(l.refused, func(_ string, r *refusals) bool { return c.Now.Sub(r.until) > backOffMost })
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Pods {
			if r := l.refused[p.Workload]; r != nil && p.Fixed == "" && c.Now.Before(r.until) {
				p.Fixed = Disrupts
			}
		}
	}
}

// await looks for the pod that came in the place of the last one that was evicted, and says whether it has to be waited for.
func (l *Loop) await(c *Cluster) bool {
	w := l.awaits
	if w == nil {
		return false
	}
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Pods {
			if p.Workload != w.move.Pod.Workload || w.before[p.UID] || p.Fixed == NotRunning || p.Fixed == Deleting {
				continue
			}
			l.planner.Succeeded(w.move.Pod, p.UID)
			for j := range l.records {
				if l.records[j].ID == w.record {
					l.records[j].Successor, l.records[j].On = p.Name, c.Nodes[i].Name
				}
			}
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

func (l *Loop) keep(r Record) {
	l.Count.moves.WithLabelValues(r.Result).Inc()
	r.ID = 1
	if n := len(l.records); n > 0 {
		r.ID = l.records[n-1].ID + 1
	}
	l.records = append(l.records, r)
	if len(l.records) > mostRecords {
		l.records = append([]Record(nil), l.records[1:]...)
	}
}

// record tells of a move.
func (c *Cluster) record(m *Move) Record {
	size := 0.0
	for i := range c.Nodes {
		if c.Nodes[i].Name == m.From {
			size = c.Nodes[i].Size[predict.CPU]
		}
	}
	return Record{
		Time: c.Now, Namespace: m.Pod.Namespace, Pod: m.Pod.Name, From: m.From, To: m.To, Gain: m.Gain(), Cost: m.Cost,
		Why: fmt.Sprintf("%s is expected to use %.1f of %.1f cores at %s, and %.1f without %s: moving it to %s saves %.0f core minutes beyond what both run well at, of %.0f",
			m.From, m.Cores, size, c.Now.Add(c.Until(m.Hottest)).UTC().Format("15:04"), m.CoresLess, m.Pod.Name, m.To, m.Gain(), m.Before),
	}
}

// Report is what foresight rebalance shows.
type Report struct {
	Time    time.Time `json:"time"` // of the last look; zero is none
	Mode    string    `json:"mode"`
	Suffers float64   `json:"expected_core_minutes"`
	// Promised and Realised core minutes of the last twenty or so moves.
	Promised float64        `json:"promised_core_minutes"`
	Realised float64        `json:"realised_core_minutes"`
	Stopped  *time.Time     `json:"stopped_until,omitempty"`
	Refused  map[Reason]int `json:"refused"`
	// Moves that a look now would make, and the pods that were closest to it.
	Moves   []Record   `json:"moves"`
	Closest []NotMoved `json:"closest"`
	Records []Record   `json:"records"` // the newest first
}

// NotMoved is a pod that would cure something and does not move.
type NotMoved struct {
	Namespace string  `json:"namespace"`
	Pod       string  `json:"pod"`
	From      string  `json:"from"`
	To        string  `json:"to,omitempty"`
	Cures     float64 `json:"cures_core_minutes"`
	Gain      float64 `json:"gain_core_minutes"`
	Reason    Reason  `json:"reason"`
}

// Report answers with what was found; where fresh, with what a look now finds, which makes and remembers nothing.
func (l *Loop) Report(ctx context.Context, now time.Time, fresh bool) (*Report, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	r := &Report{Mode: "Suggest", Refused: map[Reason]int{}, Moves: []Record{}, Closest: []NotMoved{}, Records: []Record{}}
	if l.Evicts {
		r.Mode = "Evict"
	}
	for i := range l.records {
		r.Records = append(r.Records, l.records[len(l.records)-1-i])
	}
	plan := l.plan
	if l.planner != nil {
		var stopped time.Time
		if r.Promised, r.Realised, stopped = l.planner.Realised(); now.Before(stopped) {
			r.Stopped = &stopped
		}
	}
	r.Time = l.looked
	if fresh {
		c, err := l.World.See(ctx, now)
		if err != nil {
			return nil, err
		}
		planner := l.planner
		if planner == nil {
			planner = NewPlanner(l.Options, now)
		}
		if plan, err = planner.Plan(ctx, c, l.World, l.Options.Hour); err != nil {
			return nil, err
		}
		r.Time = now
		for i := range plan.Moves {
			r.Moves = append(r.Moves, c.record(&plan.Moves[i]))
		}
	}
	if plan == nil {
		return r, nil
	}
	r.Suffers, r.Refused = plan.Suffers, plan.Refused
	for _, n := range plan.Closest {
		r.Closest = append(r.Closest, NotMoved{n.Pod.Namespace, n.Pod.Name, n.Node, n.To, n.Cures, n.Gain, n.Reason})
	}
	return r, nil
}
