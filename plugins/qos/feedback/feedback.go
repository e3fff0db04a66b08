// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package feedback compares the decisions of a profile with what came of them, learns, and says what to judge by: a model
// from a file while it does better than utilisation, and what nodes did to pods.
package feedback

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Decision is where a pod was bound, and what it was predicted to get there. The plugin writes what is exported, before the
// pod is bound; what becomes of the pod is noted beside it.
type Decision struct {
	UID       types.UID
	Namespace string // the pod's, which is its tenant
	Pod       string // its name
	Node      string
	Workload  string
	Objective objective.Objective
	Model     float32 // log-odds of a violation, without history and company
	Offset    float32 // of the judge, in log-odds, that is in the risk
	Beside    []outcome.Companion
	// Named is the operator's objective that holds for the pod, by its name; "" is none that has one.
	Named string
	// Query measures the pod's service; "" is none, and its response time does. More than MayTake on average is a violation, in seconds or in
	// the query's unit; 0 is no objective.
	Query   string
	MayTake float64
	// MayThrottle is the share of CFS periods, 0–1, in which the pod may be throttled; 0 is what its objective says.
	MayThrottle float64
	Outcome     outcome.Outcome // as predicted; Bound sets when, and the loop how it ended

	bound      time.Time
	settled    bool // an outcome of it was taken
	due        int  // the next horizon to be judged at
	suffering  mean // how long tasks waited, less the pod's own throttling; 0–1
	throttling mean
	responses  mean // in the unit of MayTake
}

// Loop is the feedback of one profile. Its methods may be called at the same time.
type Loop struct {
	horizons  []time.Duration
	decisions int
	interval  time.Duration
	fades     time.Duration // how long a history stands as it is
	file      string        // of the model
	exporter  *exporter
	now       func() time.Time
	room      *rate.Limiter // for decisions that are only watched
	last      atomic.Pointer[Judge]

	// loading is held while the model file is read, which takes long; stamp is behind it, all else behind lock.
	loading sync.Mutex
	stamp   fileStamp

	lock    sync.Mutex
	waiting map[types.UID]*Decision
	slow    map[string]report // by node: the last pod that said so of itself
	order   []types.UID       // by bind
	// observations are the outcomes for the file; nil where there is none. They outlive a model, as the ledger does not.
	observations *outcome.Ledger
	history      *outcome.History
	ledger       *outcome.Ledger
	rates        [objective.Count]outcome.BaseRate
	named        map[string]*outcome.BaseRate // of objectives that the operator named
	made         time.Time                    // when last was
	changed      bool                         // since then
	model        *quality.Table               // nil where there is none
	prior        *quality.Table
	demoted      bool
	counts       Counts
}

// New returns a loop with a judge to begin with. It goes on with the observations that an earlier one wrote.
func New(ctx context.Context, args *config.PredictedQoSArgs, now func() time.Time) *Loop {
	l := &Loop{
		decisions: int(args.Feedback.Decisions), file: args.ModelFile, now: now, waiting: map[types.UID]*Decision{}, slow: map[string]report{},
		history: outcome.NewHistory(args.Feedback.HalfLife.Duration), ledger: outcome.NewLedger(int(args.Feedback.Decisions)),
		prior: quality.NewTable(nil), counts: Counts{Violations: map[string]int{}, Named: map[string]Named{}},
		named: map[string]*outcome.BaseRate{},
	}
	for o := range l.rates {
		l.rates[o] = outcome.NewBaseRate(strictness[o])
	}
	for _, h := range args.Feedback.Horizons {
		l.horizons = append(l.horizons, h.Duration)
	}
	// A burst, and what the buffer holds spread over the time for which it holds it: more would only drop decisions unjudged.
	last := l.horizons[len(l.horizons)-1]
	l.room = rate.NewLimiter(rate.Limit(float64(l.decisions)/last.Seconds()), min(watchedAtOnce, l.decisions))
	l.exporter = &exporter{loop: l, file: args.Feedback.ObservationsFile}
	l.interval = min(max(l.horizons[0]/10, 200*time.Millisecond), 10*time.Second)
	l.fades = max(args.Feedback.HalfLife.Duration/50, l.interval)
	l.exporter.read(klog.FromContext(ctx))
	l.Update(ctx)
	return l
}

// watchedAtOnce bounds the decisions that HasRoom lets through in a burst.
const watchedAtOnce = 1000

// HasRoom says whether to watch one more decision that was taken without the judge. It does so for as many as the buffer can hold until
// they are judged.
func (l *Loop) HasRoom() bool { return l.room.AllowN(l.now(), 1) }

// Unwatched counts a decision that is not watched. named is the operator's name for its objective, or "".
func (l *Loop) Unwatched(o objective.Objective, named string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts.Decided[o]++
	l.ofNamed(named, func(n *Named) { n.Decided++ })
	l.counts.Unjudged++
}

// Interval is the time between two updates of a loop that runs.
func (l *Loop) Interval() time.Duration { return l.interval }

// Run updates the judge and the file of observations until ctx ends. After each update it tells which judge was and which is.
func (l *Loop) Run(ctx context.Context, updated func(was, is *Judge)) {
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			l.exporter.write(klog.FromContext(ctx), 0)
			return
		case <-ticker.C:
		}
		l.exporter.write(klog.FromContext(ctx), l.horizons[0]/10)
		was := l.Judge()
		l.Update(ctx)
		updated(was, l.Judge())
	}
}

// Report is what has happened so far, and how predictions fared on the decisions that are kept.
func (l *Loop) Report() (Counts, outcome.Verdict) {
	l.lock.Lock()
	defer l.lock.Unlock()
	c := l.counts
	c.Violations, c.Named = maps.Clone(c.Violations), maps.Clone(c.Named)
	return c, l.ledger.Verdict()
}

// Bound begins to watch what comes of a decision, whose pod is bound now. When there are too many the oldest is given up.
func (l *Loop) Bound(d *Decision) {
	d.bound = l.now()
	d.Outcome.Bound = d.bound
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts.Decided[d.Objective]++
	l.ofNamed(d.Named, func(n *Named) { n.Decided++ })
	l.waiting[d.UID] = d
	l.order = append(l.order, d.UID)
	for len(l.waiting) > l.decisions {
		l.giveUp(l.order[0])
		l.order = l.order[1:]
	}
}

func (l *Loop) giveUp(uid types.UID) {
	if d, ok := l.waiting[uid]; ok {
		delete(l.waiting, uid)
		if d.due == 0 {
			l.counts.Unjudged++
		}
	}
}

// settle takes an outcome: the violation, or "" where the service was kept. A kept decision is settled once for each horizon,
// and only the first counts as kept in the ledger; a violation later on counts as one then.
func (l *Loop) settle(d *Decision, violation string) {
	violated := violation != ""
	l.count(d, violation)
	promise := &l.counts.Promises[d.Objective][quality.ClassOf(d.Outcome.Risk)]
	came := Promise{}
	if !d.settled {
		d.settled = true
		came.Judged, came.Risk = 1, float64(d.Outcome.Risk)
	}
	if violated {
		came.Violated = 1
	}
	promise.Add(came)
	l.ofNamed(d.Named, func(n *Named) { n.Promise.Add(came) })
	l.changed = true
	l.history.Learn(&outcome.Lesson{
		Node: d.Node, Workload: d.Workload, Tenant: d.Namespace, Beside: d.Beside, Model: d.Model, Violated: violated,
	}, l.now())
	// What the decision was predicted by, so that it is calibrated before it learns from itself.
	l.rateOf(d).Learn(d.Outcome.Risk, d.Offset, violated)
	d.Outcome.Violated = violated
	l.ledger.Add(d.Outcome)
	if l.observations != nil {
		l.observations.Add(d.Outcome)
	}
}

// rateOf is the base rate that a decision teaches. A named objective has one of its own: how strict the operator is with some pods says
// nothing of the others that want the same. It begins at theirs.
func (l *Loop) rateOf(d *Decision) *outcome.BaseRate {
	if d.Named == "" {
		return &l.rates[d.Objective]
	}
	r, ok := l.named[d.Named]
	if !ok {
		begin := outcome.NewBaseRate(l.rates[d.Objective].Mean)
		r = &begin
		l.named[d.Named] = r
	}
	return r
}

// lost settles a decision whose pod lost its service, and ends the watch.
func (l *Loop) lost(d *Decision, violation string) {
	l.settle(d, violation)
	delete(l.waiting, d.UID)
}

// settleDue settles the decisions that have reached a horizon.
func (l *Loop) settleDue(now time.Time) {
	for uid, d := range l.waiting {
		for d.due < len(l.horizons) && now.Sub(d.bound) >= l.horizons[d.due] {
			d.due++
			violation := d.suffers()
			if violation == "" && d.due > 1 {
				continue
			}
			if l.bornOut(d, violation, now) {
				l.settle(d, violation)
			} else {
				l.count(d, violation)
			}
			if violation != "" {
				delete(l.waiting, uid)
				break
			}
		}
		if d.due == len(l.horizons) {
			delete(l.waiting, uid)
		}
	}
	maps.DeleteFunc(l.slow, func(_ string, r report) bool { return now.Sub(r.at) > l.horizons[0] })
	kept := l.order[:0]
	for _, uid := range l.order {
		if _, ok := l.waiting[uid]; ok {
			kept = append(kept, uid)
		}
	}
	l.order = kept
}
