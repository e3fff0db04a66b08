// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package outcome keeps what came of placements, and what nodes did to pods.
package outcome

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

// Outcome is a decision and what came of it.
type Outcome struct {
	X        [quality.NumPlacementFeatures]float64
	Risk     float64 // that was predicted, with history, 0–1
	Plain    float64 // that ranks without a model: the node's CPU with the pod
	Violated bool
	// Propensity is the probability with which the node was chosen among those that were as good.
	Propensity float64
	// Node, when the pod was bound to it, and the pod's objective.
	Node      string
	Bound     time.Time
	Objective string
}

// Ledger keeps the newest outcomes and says how the predictions fared. It is not safe for concurrent use.
type Ledger struct {
	outcomes []Outcome
	next     int // the oldest, once there are size
	size     int
	drift    pageHinkley // of the squared error
	total    int
}

// NewLedger returns a ledger of the newest size outcomes, at least one.
func NewLedger(size int) *Ledger { return &Ledger{size: size} }

// Add takes an outcome, and drops the oldest where there are too many.
func (l *Ledger) Add(o Outcome) {
	if len(l.outcomes) < l.size {
		l.outcomes = append(l.outcomes, o)
	} else {
		l.outcomes[l.next] = o
		l.next = (l.next + 1) % l.size
	}
	l.total++
	y := 0.
	if o.Violated {
		y = 1
	}
	l.drift.add((o.Risk - y) * (o.Risk - y))
}

// Total is how many outcomes there have been.
func (l *Ledger) Total() int { return l.total }

// Verdict is how the predictions fared on what the ledger holds. What cannot be said is NaN.
type Verdict struct {
	Outcomes, Violations int
	// AUC of the predictions and of ranking by the node's CPU alone.
	AUC, PlainAUC, Brier, ECE float64
	// Drifted says that the error has risen lately beyond what chance does.
	Drifted bool
}

// judgedFrom is how many outcomes, and violations among them, it takes to demote a model.
const (
	judgedFrom     = 50
	violationsFrom = 5
	worstECE       = .2
)

// Verdict judges what the ledger holds.
func (l *Ledger) Verdict() Verdict {
	risk, plain, label := make([]float64, len(l.outcomes)), make([]float64, len(l.outcomes)), make([]float64, len(l.outcomes))
	v := Verdict{Outcomes: len(l.outcomes), Drifted: l.drift.alarm}
	for i, o := range l.outcomes {
		risk[i], plain[i] = o.Risk, o.Plain
		if o.Violated {
			label[i] = 1
			v.Violations++
		}
	}
	v.AUC, v.PlainAUC, v.Brier, v.ECE = metrics.AUC(risk, label), metrics.AUC(plain, label), metrics.Brier(risk, label), metrics.ECE(risk, label)
	return v
}

// Demote says whether the model does worse than what it stands in for: it ranks worse than utilisation alone, is
// badly calibrated, or the world has moved away from it. Few outcomes say nothing.
func (v Verdict) Demote() bool {
	if v.Outcomes < judgedFrom {
		return false
	}
	ranked := v.Violations >= violationsFrom && v.Outcomes-v.Violations >= violationsFrom
	return v.Drifted || v.ECE > worstECE || ranked && v.AUC < v.PlainAUC-.02
}

// pageHinkley is Page and Hinkley's test for a rise of a mean (Page, Continuous inspection schemes, 1954).
type pageHinkley struct {
	n, mean, sum, least float64
	alarm               bool
}

const (
	driftTolerated = .02
	driftAlarm     = 6
)

func (p *pageHinkley) add(x float64) {
	p.n++
	p.mean += (x - p.mean) / p.n
	p.sum += x - p.mean - driftTolerated
	p.least = min(p.least, p.sum)
	if p.sum-p.least > driftAlarm {
		p.alarm = true
	}
}

// Settled forgets the alarm: what drifted has been replaced.
func (l *Ledger) Settled() { l.drift = pageHinkley{} }
