// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"fmt"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// named binds a pod of an objective that the operator named, of which a query says 1 at most, and whose tasks wait for that share of time.
func (l *loop) named(name, node string, o objective.Objective, waited float64) *Decision {
	d := &Decision{
		UID: types.UID(name), Namespace: "shop", Pod: name, Node: node, Workload: "shop/Deployment/web", Objective: o,
		Named: "p99", Query: "q", MayTake: 1, Offset: l.Judge().Offset[o],
	}
	d.Outcome.Node, d.Outcome.Objective, d.Outcome.Risk = node, o.String(), .1
	l.Bound(d)
	v := usage.Sample{Time: l.time.Add(time.Second), Window: time.Second}
	v.Set(usage.CPUSome, waited)
	v.Set(usage.ResponseTime, 1000) // what the query response_time says counts for pods without a query of their own
	l.Measured(d.UID, &v)
	return d
}

// What the operator's query says of a pod decides in place of pressure, whatever service the pod wants, from the bind on.
func TestQueryDecides(t *testing.T) {
	for _, o := range []objective.Objective{objective.Latency, objective.Realtime, objective.Availability, objective.Batch} {
		l := newLoop(t, args())
		l.named("slow", "a", o, .2)
		l.named("quick", "a", o, .2)
		l.named("unknown", "a", o, .04)
		for name, v := range map[types.UID]float64{"slow": 1.5, "quick": .5} {
			l.Answered(name, "q", v, l.time)
			l.Answered(name, "another query", 1000, l.time)
			l.Answered(name, "q", 1000, l.time.Add(-time.Second)) // of before the bind
		}
		l.Answered("stranger", "q", 1000, l.time)
		asked := l.Asked()
		if got := asked["q"][types.NamespacedName{Namespace: "shop", Name: "slow"}]; len(asked) != 1 || len(asked["q"]) != 3 || got != "slow" {
			t.Errorf("%v: asked %v", o, asked)
		}
		l.wait(10 * time.Minute)
		c, _ := l.Report()
		if n := c.Named["p99"]; n.Decided != 3 || n.Kept != 2 || n.Violated != 1 || n.Promise.Judged != 3 || n.Promise.Violated != 1 || math.Abs(n.Promise.Risk-.3) > 1e-9 {
			t.Errorf("%v: %+v", o, n)
		}
		if c.Violations["query"] != 1 || len(c.Violations) != 1 || c.Violated[o] != 1 {
			t.Errorf("%v: %v", o, c.Violations)
		}
		l.wait(time.Hour)
		if len(l.Asked()) != 0 {
			t.Errorf("%v: asked %v when all is known", o, l.Asked())
		}
	}
}

// How strict the operator is with some pods is learned as their own rate: the risk of others that want the same stays.
func TestNamedObjectiveHasItsOwnRate(t *testing.T) {
	l := newLoop(t, args())
	before, _ := l.Judge().Rate(objective.Latency, "")
	for i := range 200 {
		d := l.named(fmt.Sprint("p", i), fmt.Sprint("node-", i%5), objective.Latency, .1)
		l.Answered(d.UID, "q", 2, l.time)
		l.wait(15 * time.Minute)
	}
	j := l.Judge()
	if now, _ := j.Rate(objective.Latency, ""); now != before {
		t.Errorf("the rate of the others went from %v to %v", before, now)
	}
	if now, doubt := j.Rate(objective.Latency, "p99"); now < before+2 || doubt >= j.Doubt[objective.Latency] {
		t.Errorf("of 200 that were all violated, foretold as .1: the rate is %v, give or take %v; it was %v", now, doubt, before)
	}
	if now, doubt := j.Rate(objective.Batch, "unknown"); now != j.Offset[objective.Batch] || doubt != j.Doubt[objective.Batch] {
		t.Errorf("of a name without outcomes it is %v, give or take %v", now, doubt)
	}
}
