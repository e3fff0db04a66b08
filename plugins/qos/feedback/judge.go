// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Rung is what judges, the worst first.
type Rung uint8

const (
	// RungUtilisation ranks by the node's predicted CPU, and by what nodes did to pods.
	RungUtilisation Rung = iota
	// RungModel judges by the trained model.
	RungModel
)

// String is the rung as metrics spell it.
func (r Rung) String() string { return [...]string{"utilisation", "model"}[r] }

// Judge is what cycles judge by. It is immutable.
type Judge struct {
	Epoch   uint64 // from 1 on; one more with each judge of a loop
	Rung    Rung
	Table   *quality.Table
	Typical quality.Slab                  // of the table, for a pod of typical use
	Loses   [objective.Count]quality.Slab // the harm to a pod of typical use, by its objective
	History *outcome.HistoryView
	Offset  [objective.Count]float32 // in log-odds: strictness and what outcomes made of it
	Doubt   [objective.Count]float32 // the standard deviation of the offset
	named   map[string]namedRate     // of objectives that the operator named, and that have outcomes
}

type namedRate struct{ offset, doubt float32 }

// Rate is what is added to the log-odds for an objective, and the standard deviation of that. named is the operator's name for it, or "".
func (j *Judge) Rate(o objective.Objective, named string) (offset, doubt float32) {
	if r, ok := j.named[named]; ok {
		return r.offset, r.doubt
	}
	return j.Offset[o], j.Doubt[o]
}

// typicalUse is the share of a node's CPU that a pod of whom only its objective counts is taken to use.
const typicalUse = .05

// strictness is added to a model's log-odds: models are trained on latency, a realtime pod suffers earlier, and a pod that
// only wants to stay, or to get done, suffers later. What really happens moves it.
var strictness = [objective.Count]float32{objective.Latency: 0, objective.Realtime: 1, objective.Availability: -2, objective.Batch: -1}

// Judge is what to judge by now.
func (l *Loop) Judge() *Judge { return l.last.Load() }

// Update settles what is due, looks at the model file, and replaces the judge where there is something new to judge by.
func (l *Loop) Update(ctx context.Context) {
	l.loading.Lock()
	defer l.loading.Unlock()
	take := l.reload(ctx) // takes long for a large file, and those who bind pods wait for the lock
	l.lock.Lock()
	defer l.lock.Unlock()
	now := l.now()
	l.settleDue(now)
	take()
	if l.model != nil && !l.demoted {
		if v := l.ledger.Verdict(); v.Demote() {
			l.demoted, l.changed = true, true
			l.counts.Demotions++
			l.ledger.Settled()
			klog.FromContext(ctx).Info("The QoS model is demoted: it does worse than utilisation, or the cluster has moved away from it; another model file brings it back",
				"outcomes", v.Outcomes, "auc", fmt.Sprint(v.AUC), "utilisationAUC", fmt.Sprint(v.PlainAUC), "ece", v.ECE, "drifted", v.Drifted)
		}
	}
	// A new judge has every node looked at anew, so there is one only where it judges otherwise: when something was
	// learned, or has faded noticeably.
	last := l.last.Load()
	if last != nil && !l.changed && now.Sub(l.made) < l.fades {
		return
	}
	j := &Judge{Epoch: 1, Rung: RungUtilisation, Table: l.prior, History: l.history.View(now)}
	for o := range l.rates {
		j.Offset[o], j.Doubt[o] = l.rates[o].Mean, l.rates[o].Doubt()
	}
	if len(l.named) > 0 {
		j.named = make(map[string]namedRate, len(l.named))
		for name, r := range l.named {
			j.named[name] = namedRate{r.Mean, r.Doubt()}
		}
	}
	if last != nil {
		j.Epoch = last.Epoch + 1
	}
	if l.model != nil && !l.demoted {
		j.Rung, j.Table = RungModel, l.model
	}
	j.Table.For(typicalUse, &j.Typical)
	for o := range j.Loses {
		j.Typical.Harms(j.Offset[o], &j.Loses[o])
	}
	l.last.Store(j)
	l.made, l.changed = now, false
}

type fileStamp struct {
	modified time.Time
	size     int64
	exists   bool
}

// reload reads the model file where it changed, and returns what makes it count, under the lock. What cannot be used leaves no
// model: a rung lower, and it is said.
func (l *Loop) reload(ctx context.Context) (take func()) {
	if l.file == "" {
		return func() {}
	}
	var stamp fileStamp
	if info, err := os.Stat(l.file); err == nil {
		stamp = fileStamp{info.ModTime(), info.Size(), true}
	}
	if stamp == l.stamp && l.Judge() != nil {
		return func() {}
	}
	l.stamp = stamp
	logger := klog.FromContext(ctx)
	m, card, err := quality.Load(l.file, &quality.Placement)
	if err != nil {
		logger.Error(err, "The QoS model cannot be used; nodes are judged by utilisation")
		return func() {
			l.model, l.changed = nil, true
			l.counts.Failures++
		}
	}
	table := quality.NewTable(m)
	logger.Info("The QoS model is loaded", "file", l.file, "trained", card.Trained, "observations", card.Observations)
	return func() {
		l.model, l.demoted, l.changed = table, false, true
		l.ledger = outcome.NewLedger(l.decisions)
	}
}
