// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/outcome"
)

// Rung is what judges, the worst first.
type Rung uint8

const (
	// RungUtilisation ranks by the node's predicted CPU, and by what nodes did to pods.
	RungUtilisation Rung = iota
	// RungModel judges by the trained model.
	RungModel

	numRungs = int(RungModel) + 1
)

// String is the rung as metrics spell it.
func (r Rung) String() string { return [numRungs]string{"utilisation", "model"}[r] }

// judge is what cycles judge by. It is immutable.
type judge struct {
	epoch   uint64
	rung    Rung
	table   *quality.Table
	typical quality.Slab
	loses   [numObjectives]quality.Slab // the harm to a pod of typical use, by its objective
	history *outcome.HistoryView
	offset  [numObjectives]float32 // in log-odds: strictness and what outcomes made of it
}

// decision is a pod that was bound and whose service is being watched.
type decision struct {
	uid        types.UID
	node       string
	workload   string
	objective  Objective
	model      float32 // log-odds without history
	outcome    outcome.Outcome
	bound      time.Time
	due        int // the next horizon to be judged at
	violation  string
	suffering  mean // how long tasks waited, less the pod's own throttling; 0–1
	throttling mean
	mayTake    float64 // response time, in seconds; 0 is no objective
	responses  mean    // in seconds
}

type mean struct{ sum, n float64 }

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) over(limit float64) bool { return m.n > 0 && m.sum/m.n > limit }

// The limits of suffering: the share of time in which a task of the pod waited for a CPU, for memory or for I/O (PSI
// "some"), and the share of CFS periods in which it was throttled.
const (
	latencySuffers  = .25
	realtimeSuffers = .10
	realtimeThrottl = .10
	// calibrationRate is the step of the offsets.
	calibrationRate = .02
)

// feedback compares decisions with what came of them, learns, and says what to judge by.
type feedback struct {
	horizons  []time.Duration
	decisions int
	tick      time.Duration
	fades     time.Duration // how long a history stands as it is
	mayTake   time.Duration // response time of latency pods that state none; 0 is none
	file      string
	exporter  *exporter
	now       func() time.Time

	lock    sync.Mutex
	waiting map[types.UID]*decision
	order   []types.UID // by bind
	// observations are the outcomes for the file; nil where there is none. They outlive a model, as the ledger does not.
	observations *outcome.Ledger
	history      *outcome.History
	ledger       *outcome.Ledger
	offset       [numObjectives]float32
	last         *judge
	made         time.Time      // when last was
	changed      bool           // since then
	model        *quality.Table // nil where there is none
	prior        *quality.Table
	stamp        fileStamp
	demoted      bool
	counts       counts
}

// counts are what metrics tell.
type counts struct {
	decided    [numObjectives]int
	kept       [numObjectives]int
	violated   [numObjectives]int
	violations map[string]int // by reason
	unjudged   int            // decisions whose pod was gone, or that were too many, before they could be judged
	demotions  int
	failures   int // to load the model
	unwritten  int // times the file of observations could not be written
}

type fileStamp struct {
	modified time.Time
	size     int64
	exists   bool
}

func newFeedback(args *config.PredictedQoSArgs, now func() time.Time) *feedback {
	f := &feedback{
		decisions: int(args.Feedback.Decisions), file: args.ModelFile, mayTake: args.Feedback.ResponseTimeObjective.Duration, now: now, waiting: map[types.UID]*decision{},
		history: outcome.NewHistory(args.Feedback.HalfLife.Duration), ledger: outcome.NewLedger(int(args.Feedback.Decisions)),
		offset: strictness, prior: quality.NewTable(nil), counts: counts{violations: map[string]int{}},
	}
	for _, h := range args.Feedback.Horizons {
		f.horizons = append(f.horizons, h.Duration)
	}
	f.exporter = &exporter{feedback: f, file: args.Feedback.ObservationsFile}
	f.tick = min(max(f.horizons[0]/10, 200*time.Millisecond), 10*time.Second)
	f.fades = max(args.Feedback.HalfLife.Duration/50, f.tick)
	return f
}

// decided takes a decision. When there are too many the oldest is given up.
func (f *feedback) decided(d *decision) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.counts.decided[d.objective]++
	f.waiting[d.uid] = d
	f.order = append(f.order, d.uid)
	for len(f.waiting) > f.decisions {
		f.giveUp(f.order[0])
		f.order = f.order[1:]
	}
}

func (f *feedback) giveUp(uid types.UID) {
	if d, ok := f.waiting[uid]; ok {
		delete(f.waiting, uid)
		if d.due == 0 && d.violation == "" {
			f.counts.unjudged++
		}
	}
}

// violated says that a pod lost its service.
func (f *feedback) violated(uid types.UID, reason string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if d, ok := f.waiting[uid]; ok && d.violation == "" {
		d.violation = reason
		f.settle(d, true)
		delete(f.waiting, uid)
	}
}

// gone says that a pod ended or was deleted: nothing more will be known of it.
func (f *feedback) gone(uid types.UID) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.giveUp(uid)
}

// notReady says that a node went away under its pods.
func (f *feedback) notReady(node string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	for uid, d := range f.waiting {
		if d.node == node && d.violation == "" {
			d.violation = "not_ready"
			f.settle(d, true)
			delete(f.waiting, uid)
		}
	}
}

// measured takes the share of time in which a pod waited, and in which it was throttled by its own limit.
func (f *feedback) measured(uid types.UID, waited, throttled float64) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if d, ok := f.waiting[uid]; ok {
		d.suffering.add(waited)
		d.throttling.add(throttled)
	}
}

// responded takes a response time that was measured of a pod, in seconds.
func (f *feedback) responded(uid types.UID, seconds float64) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if d, ok := f.waiting[uid]; ok {
		d.responses.add(seconds)
	}
}

// suffers says what of the pod's service is not as its objective wants it. A response time that was measured is the
// service itself; pressure only makes a bad one likely.
func (d *decision) suffers() string {
	switch {
	case d.mayTake > 0 && d.responses.n > 0:
		if d.responses.over(d.mayTake) {
			return "response_time"
		}
	case d.objective == Latency && d.suffering.over(latencySuffers):
		return "pressure"
	case d.objective == Realtime && d.suffering.over(realtimeSuffers):
		return "pressure"
	case d.objective == Realtime && d.throttling.over(realtimeThrottl):
		return "throttling"
	}
	return ""
}

// settle takes an outcome. A kept decision is settled once for each horizon, and only the first counts as kept in the
// ledger; a violation later on counts as one then.
func (f *feedback) settle(d *decision, violated bool) {
	if violated {
		f.counts.violated[d.objective]++
		f.counts.violations[d.violation]++
	} else {
		f.counts.kept[d.objective]++
	}
	f.changed = true
	f.history.Learn(d.node, d.workload, d.model, violated, f.now())
	step := -float32(d.outcome.Risk)
	if violated {
		step++
	}
	// What the decision was predicted by, so that it is calibrated before it learns from itself.
	f.offset[d.objective] += calibrationRate * step
	d.outcome.Violated = violated
	f.ledger.Add(d.outcome)
	if f.observations != nil {
		f.observations.Add(d.outcome)
	}
}

// judgeDue settles the decisions that have reached a horizon.
func (f *feedback) judgeDue(now time.Time) {
	for uid, d := range f.waiting {
		for d.due < len(f.horizons) && now.Sub(d.bound) >= f.horizons[d.due] {
			d.due++
			if d.violation = d.suffers(); d.violation != "" {
				f.settle(d, true)
				delete(f.waiting, uid)
				break
			}
			if d.due == 1 {
				f.settle(d, false)
			}
		}
		if d.due == len(f.horizons) {
			delete(f.waiting, uid)
		}
	}
	kept := f.order[:0]
	for _, uid := range f.order {
		if _, ok := f.waiting[uid]; ok {
			kept = append(kept, uid)
		}
	}
	f.order = kept
}

// judge settles what is due, looks at the model file and returns what to judge by now.
func (f *feedback) judge(ctx context.Context) *judge {
	f.lock.Lock()
	defer f.lock.Unlock()
	now := f.now()
	f.judgeDue(now)
	f.reload(ctx)
	if f.model != nil && !f.demoted {
		if v := f.ledger.Verdict(); v.Demote() {
			f.demoted, f.changed = true, true
			f.counts.demotions++
			f.ledger.Settled()
			klog.FromContext(ctx).Info("The QoS model is demoted: it does worse than utilisation, or the cluster has moved away from it; another model file brings it back",
				"outcomes", v.Outcomes, "auc", fmt.Sprint(v.AUC), "utilisationAUC", fmt.Sprint(v.PlainAUC), "ece", v.ECE, "drifted", v.Drifted)
		}
	}
	// A new judge has every node looked at anew, so there is one only where it judges otherwise: when something was
	// learned, or has faded noticeably.
	if f.last != nil && !f.changed && now.Sub(f.made) < f.fades {
		return f.last
	}
	j := &judge{epoch: 1, rung: RungUtilisation, table: f.prior, history: f.history.View(now), offset: f.offset}
	if f.last != nil {
		j.epoch = f.last.epoch + 1
	}
	if f.model != nil && !f.demoted {
		j.rung, j.table = RungModel, f.model
	}
	j.table.For(typicalUse, &j.typical)
	for o := range j.loses {
		j.typical.Harms(j.offset[o], &j.loses[o])
	}
	f.last, f.made, f.changed = j, now, false
	return j
}

// reload reads the model file where it changed. What cannot be used leaves no model: a rung lower, and it is said.
func (f *feedback) reload(ctx context.Context) {
	if f.file == "" {
		return
	}
	var stamp fileStamp
	if info, err := os.Stat(f.file); err == nil {
		stamp = fileStamp{info.ModTime(), info.Size(), true}
	}
	if stamp == f.stamp && f.last != nil {
		return
	}
	f.stamp, f.changed = stamp, true
	logger := klog.FromContext(ctx)
	m, card, err := quality.Load(f.file, &quality.Placement)
	if err != nil {
		f.model = nil
		f.counts.failures++
		logger.Error(err, "The QoS model cannot be used; nodes are judged by utilisation")
		return
	}
	f.model, f.demoted = quality.NewTable(m), false
	f.ledger = outcome.NewLedger(f.decisions)
	logger.Info("The QoS model is loaded", "file", f.file, "trained", card.Trained, "observations", card.Observations)
}
