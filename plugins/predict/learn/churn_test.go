// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/lives"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Two weeks of a hundred nodes of which half are new each hour take little more memory than two weeks of the same hundred nodes,
// and the half that stays is learned from as if the others were not there. Memory is counted, not measured.
func TestNodesThatComeAndGo(t *testing.T) {
	const nodes, stay = 100, 50
	run := func(renewed bool) (most uint64, decisions int) {
		f := newFleet(0, 1)
		a := args()
		a.Usage.Interval.Duration, a.Usage.Expiry.Duration, a.Usage.Window.Duration = 15*time.Minute, 20*time.Minute, time.Hour
		l := newLearner(&a, f.cluster(), lives.New(100), false)
		for hour := range 14 * 24 {
			f.names = f.names[:0]
			for i := range nodes {
				name := fmt.Sprint("stays-", i)
				if renewed && i >= stay {
					name = fmt.Sprintf("hour-%d-%d", hour, i)
				}
				f.names = append(f.names, name)
			}
			for range 4 {
				l.learn(l.through(t, f.read(15*time.Minute, .1)), nil)
				_, st := l.publish(f.now, true)
				most = max(most, st.bytes)
				if st.standing.Nodes[forecast.Fresh]+st.standing.Nodes[forecast.Blind] != nodes {
					t.Fatalf("hour %d: nodes on rungs %v", hour, st.standing.Nodes)
				}
			}
		}
		return most, l.nodes.Training().Decisions
	}
	plain, of := run(false)
	churned, learned := run(true)
	if float64(churned) > 1.5*float64(plain) {
		t.Errorf("%d bytes with churn, %d without", churned, plain)
	}
	if learned < of*stay/nodes*9/10 {
		t.Errorf("%d decisions of %d nodes that stay, %d of %d", learned, stay, of, nodes)
	}
}

// A burst of Jobs that run once each is held to the bound; those that come again are remembered through it.
func TestBurstOfJobs(t *testing.T) {
	f := newFleet(1, 1)
	l := testLearner(f)
	for range 10 {
		l.learn(f.read(time.Minute, .1), nil)
	}
	want := l.pods.Status().Workloads
	_, before := l.publish(f.now, true)
	var r usage.Reading
	for round := range 3 {
		burst := newFleet(2000, 20_000)
		for i, p := range burst.objects {
			p.OwnerReferences[0].Kind, p.OwnerReferences[0].Name = "Job", fmt.Sprintf("once-%d-%d", round, i)
			p.Name = fmt.Sprintf("once-%d-%d", round, i)
			f.byName[p.Name] = p
		}
		burst.now = f.now
		r = burst.read(time.Minute, .1)
		r.Nodes = nil
		l.learn(r, nil)
		f.now = burst.now
		l.learn(f.read(time.Minute, .1), nil)
	}
	_, st := l.publish(f.now, true)
	if st.pods.Workloads > mostWorkloads || want != 1 {
		t.Errorf("%d workloads are remembered, at first %d", st.pods.Workloads, want)
	}
	s, _ := l.publish(f.now, true)
	if origin := s.Pod(newFleet(1, 1).objects[0]).Origin; origin != forecast.FromOwner {
		t.Errorf("the workload that is there all the time is forecast from %v", origin)
	}
	if got := st.bytes - before.bytes; got > 200<<20 {
		t.Errorf("a burst of 60,000 Jobs holds %d MiB", got>>20)
	}
}
