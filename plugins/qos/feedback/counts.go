// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Counts are of what has happened since the loop began.
type Counts struct {
	Decided, Kept, Violated [objective.Count]int
	// Promises by objective and class of service, in the order of quality.Classes.
	Promises [objective.Count][len(quality.Classes)]Promise
	// Named are of the decisions of objectives that the operator named, which are in the others, too.
	Named      map[string]Named
	Violations map[string]int // by reason
	Unjudged   int            // decisions dropped unjudged: the pod was deleted, or the buffer was full
	Demotions  int
	Failures   int // to load the model
	Unwritten  int // times the file of observations could not be written
}

// Named is what has happened to the pods of one objective that the operator named.
type Named struct {
	Decided, Kept, Violated int
	Promise                 Promise
}

// Promise is what was predicted of decisions whose outcome tells something of their nodes, and what came.
type Promise struct {
	// Judged decisions, each once, and the sum of the Risk that they were predicted to have.
	Judged int
	Risk   float64
	// Violated of them.
	Violated int
}

// Add adds up promises.
func (p *Promise) Add(other Promise) {
	p.Judged, p.Risk, p.Violated = p.Judged+other.Judged, p.Risk+other.Risk, p.Violated+other.Violated
}

// count counts an outcome. That is all for one that is the pod's own doing, or its own word only: nothing is learned of the node or of
// how predictions fare.
func (l *Loop) count(d *Decision, violation string) {
	if violation == "" {
		l.counts.Kept[d.Objective]++
		l.ofNamed(d.Named, func(n *Named) { n.Kept++ })
		return
	}
	l.counts.Violated[d.Objective]++
	l.ofNamed(d.Named, func(n *Named) { n.Violated++ })
	l.counts.Violations[violation]++
}

// ofNamed counts for an objective that the operator named; "" is none.
func (l *Loop) ofNamed(name string, add func(*Named)) {
	if name != "" {
		n := l.counts.Named[name]
		add(&n)
		l.counts.Named[name] = n
	}
}
