// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"fmt"
	"math"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

func args() *config.PredictedQoSArgs {
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	return &config.PredictedQoSArgs{Feedback: config.QoSFeedback{
		Horizons: []metav1.Duration{d(10 * time.Minute), d(time.Hour)}, Decisions: 1000, HalfLife: d(6 * time.Hour),
	}}
}

// loop has a clock of its own.
type loop struct {
	*Loop
	t    *testing.T
	time time.Time
}

func newLoop(t *testing.T, args *config.PredictedQoSArgs) *loop {
	l := &loop{t: t, time: time.Unix(1700000000, 0)}
	l.Loop = New(t.Context(), args, func() time.Time { return l.time })
	return l
}

// wait lets time pass, and the loop look at what is due.
func (l *loop) wait(d time.Duration) {
	l.time = l.time.Add(d)
	l.Update(l.t.Context())
}

// bind says that a pod that wants latency was bound.
func (l *loop) bind(name, node string) {
	d := &Decision{UID: types.UID(name), Node: node, Workload: "latency", Objective: objective.Latency}
	d.Outcome.Node, d.Outcome.Objective, d.Outcome.Risk = node, "latency", .25
	l.Bound(d)
}

func pod(name string, status v1.PodStatus) *v1.Pod {
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}, Status: status}
}

func restarted(name string) *v1.Pod {
	return pod(name, v1.PodStatus{ContainerStatuses: []v1.ContainerStatus{{RestartCount: 1}}})
}

func evicted(name string) *v1.Pod {
	return pod(name, v1.PodStatus{Phase: v1.PodFailed, Reason: "Evicted"})
}

// Pressure that is not the pod's own limit is a violation of latency; a pod that is deleted is not judged.
func TestOutcomes(t *testing.T) {
	l := newLoop(t, args())
	for _, name := range []string{"waits", "throttled", "deleted", "fails", "fine"} {
		l.bind(name, "a")
	}
	measured := func(uid types.UID, waited, throttled float64) {
		v := usage.Sample{Time: l.time.Add(time.Second), Window: time.Second}
		v.Set(usage.CPUSome, waited)
		v.Set(usage.Throttled, throttled)
		l.Measured(uid, &v)
	}
	measured("waits", .6, .1)
	measured("throttled", .6, .5)
	measured("fine", math.NaN(), 0)
	l.Gone("deleted")
	l.Observe(pod("fails", v1.PodStatus{Phase: v1.PodFailed}))
	l.wait(9 * time.Minute)
	if n := l.ledger.Total(); n != 0 {
		t.Errorf("%d judged before the horizon", n)
	}
	l.wait(time.Minute)
	if c, _ := l.Report(); c.Violated[objective.Latency] != 1 || c.Violations["pressure"] != 1 || c.Kept[objective.Latency] != 2 || c.Unjudged != 2 {
		t.Errorf("%+v", c)
	}
	l.Observe(restarted("fine"))
	if c, _ := l.Report(); c.Violated[objective.Latency] != 2 || c.Violations["restart"] != 1 {
		t.Errorf("after ten minutes: %+v", c)
	}
	// What was predicted is held beside what nodes did: throttling by the own limit and the restart are the pods' own.
	if c, _ := l.Report(); c.Promises[objective.Latency] != [...]Promise{{}, {Judged: 3, Risk: .75, Violated: 1}, {}} {
		t.Errorf("%+v", c.Promises[objective.Latency])
	}
	l.wait(2 * time.Hour)
	if n := len(l.waiting); n != 0 {
		t.Errorf("%d decisions are watched after the last horizon", n)
	}
}

func TestDecisionsAreBounded(t *testing.T) {
	l := newLoop(t, args())
	for i := range 1500 {
		l.bind(fmt.Sprint(i), "a")
	}
	if n, u := len(l.waiting), l.counts.Unjudged; n != 1000 || u != 500 || len(l.order) > 1000 {
		t.Errorf("%d are watched, %d in order, %d given up", n, len(l.order), u)
	}
}

// What was measured before a pod was bound, in part or in whole, says nothing of its service there.
func TestMeasuredBeforeTheBind(t *testing.T) {
	for _, c := range []struct {
		what          string
		after, window time.Duration
		counts        bool
	}{
		{"a window that began after", 31 * time.Second, 30 * time.Second, true},
		{"a window that began before", 29 * time.Second, 30 * time.Second, false},
		{"a moment before", -time.Second, 0, false},
		{"a moment after", time.Second, 0, true},
		{"of 1970", time.Unix(0, 0).Sub(time.Unix(1700000000, 0)), time.Second, false},
	} {
		l := newLoop(t, args())
		l.bind("p", "a")
		v := usage.Sample{Time: l.time.Add(c.after), Window: c.window}
		v.Set(usage.CPUSome, .9)
		l.Measured("p", &v)
		l.wait(10 * time.Minute)
		if got, _ := l.Report(); (got.Violations["pressure"] == 1) != c.counts {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}

// What a pod does to itself on any node is counted, and held against no node and no prediction.
func TestOwnDoing(t *testing.T) {
	oom := func(name string, limit bool) *v1.Pod {
		p := pod(name, v1.PodStatus{ContainerStatuses: []v1.ContainerStatus{{Name: "c", RestartCount: 1,
			LastTerminationState: v1.ContainerState{Terminated: &v1.ContainerStateTerminated{Reason: "OOMKilled"}}}}})
		p.Spec.Containers = []v1.Container{{Name: "c"}}
		if limit {
			p.Spec.Containers[0].Resources.Limits = v1.ResourceList{v1.ResourceMemory: resource.MustParse("64Mi")}
		}
		return p
	}
	for _, c := range []struct {
		pod    *v1.Pod
		reason string
		own    bool
	}{
		{restarted("p"), "restart", true}, {oom("p", true), "oom_kill", true}, {oom("p", false), "oom_kill", false}, {evicted("p"), "eviction", false},
	} {
		l := newLoop(t, args())
		before := l.rates
		for range 30 {
			l.bind("p", "a")
			l.Observe(c.pod)
		}
		l.wait(time.Minute)
		counts, v := l.Report()
		_, blamed := l.Judge().History.Nodes["a"]
		if counts.Violations[c.reason] != 30 || counts.Violated[objective.Latency] != 30 || (v.Outcomes == 0) != c.own || blamed == c.own || (l.rates == before) != c.own {
			t.Errorf("%s: %+v, %d outcomes, node blamed: %v", c.reason, counts, v.Outcomes, blamed)
		}
	}
}
