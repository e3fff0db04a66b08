// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/profile"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// upstreams is a profile of which only what Tell changes is asked.
type upstreams struct {
	framework.Framework
	recorder *events.FakeRecorder
	status   *fwk.Status
}

func (u *upstreams) EventRecorder() events.EventRecorderLogger { return u.recorder }
func (u *upstreams) SnapshotSharedLister() fwk.SharedLister    { return internalcache.NewEmptySnapshot() }
func (u *upstreams) RunPostFilterPlugins(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeToStatusReader) (*fwk.PostFilterResult, *fwk.Status) {
	return nil, u.status
}

func tellingScheduler(closest string) (*upstreams, framework.Framework, *decision.Ring) {
	u := &upstreams{recorder: events.NewFakeRecorder(10)}
	sched := &scheduler.Scheduler{Profiles: profile.Map{"p": u}}
	ring := decision.NewRing(10, 1<<20)
	w := &Watcher{Ring: ring}
	w.Tell(sched, func(fwk.CycleState, fwk.NodeInfoLister, fwk.NodeToStatusReader) string { return closest })
	return u, sched.Profiles["p"], ring
}

func onNode(name, node string) *v1.Pod {
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: "u"}, Spec: v1.PodSpec{NodeName: node}}
}

// The Scheduled event says what upstream says, and why; every other event is upstream's.
func TestScheduledEventsSayWhy(t *testing.T) {
	const assigned = "Normal Scheduled Successfully assigned shop/web to node-2"
	record := decision.Record{Pod: decision.Pod{Namespace: "shop", Name: "web", UID: "u"}, Node: "node-2", Nodes: 5, Feasible: 4, Total: 692, Alike: 1}
	with := func(change func(*decision.Record)) *decision.Record {
		r := record
		change(&r)
		return &r
	}
	long := strings.Repeat("é", 2000)
	for name, tc := range map[string]struct {
		record  *decision.Record
		because string
		want    string
	}{
		"evaluated":       {&record, "node-2 is 174 ahead of node-1 (50 % more)", assigned + ": node-2 is 174 ahead of node-1 (50 % more)"},
		"not evaluated":   {&record, "", assigned + ": it scores 692, the most of 4 nodes that the pod may go to"},
		"drawn":           {with(func(r *decision.Record) { r.Alike = 3 }), "", assigned + ": drawn among 3 nodes that score 692, the best of 4 that the pod may go to"},
		"by search":       {with(func(r *decision.Record) { r.Total = 0 }), "", assigned + ": the best of 4 nodes that the pod may go to"},
		"the only one":    {with(func(r *decision.Record) { r.Feasible = 1 }), "", assigned + ": the only one of 5 nodes that the pod may go to"},
		"another node":    {with(func(r *decision.Record) { r.Node = "node-1" }), "", assigned},
		"of another time": {with(func(r *decision.Record) { r.Pod.UID = "before" }), "", assigned},
		"not recorded":    {nil, "", assigned},
		"a long sentence": {&record, long, assigned + ": é"},
	} {
		u, f, ring := tellingScheduler("")
		if tc.record != nil {
			k := ring.Add(*tc.record)
			if tc.because != "" {
				k.Evaluated(&decision.Evaluation{Because: tc.because})
			}
		}
		f.EventRecorder().WithLogger(klog.Background()).Eventf(onNode("web", "node-2"), nil, v1.EventTypeNormal, "Scheduled", "Binding", "Successfully assigned %v/%v to %v", "shop", "web", "node-2")
		got := <-u.recorder.Events
		if len(tc.because) > 1000 && strings.HasPrefix(got, tc.want) && strings.HasSuffix(got, "é…") && len(got) < 1024 {
			continue
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	u, f, _ := tellingScheduler("")
	f.EventRecorder().Eventf(onNode("web", ""), nil, v1.EventTypeWarning, "FailedScheduling", "Scheduling", "0/%d nodes", 5)
	if got := <-u.recorder.Events; got != "Warning FailedScheduling 0/5 nodes" {
		t.Errorf("another event: %q", got)
	}
	// Upstream gives its message as the format.
	f.EventRecorder().Eventf(onNode("web", ""), nil, v1.EventTypeWarning, "FailedScheduling", "Scheduling", "the bound is 100 %. preemption: 0/3")
	if got := <-u.recorder.Events; got != "Warning FailedScheduling the bound is 100 %. preemption: 0/3" {
		t.Errorf("an event with a percent sign: %q", got)
	}
}

// The message of a pod that waits has figures where there are any, and no other answer of preemption changes.
func TestWaitingPodsHaveFigures(t *testing.T) {
	for name, tc := range map[string]struct {
		status  *fwk.Status
		closest string
		want    string
	}{
		"figures":         {fwk.NewStatus(fwk.Unschedulable, "preemption: 0/3 nodes"), "Closest is node-2.", "Closest is node-2. preemption: 0/3 nodes"},
		"no preemption":   {fwk.NewStatus(fwk.Unschedulable), "Closest is node-2.", "Closest is node-2."},
		"nothing to add":  {fwk.NewStatus(fwk.Unschedulable, "preemption: 0/3 nodes"), "", "preemption: 0/3 nodes"},
		"a node was made": {nil, "Closest is node-2.", ""},
		"an error":        {fwk.NewStatus(fwk.Error, "down"), "Closest is node-2.", "down"},
	} {
		u, f, _ := tellingScheduler(tc.closest)
		u.status = tc.status
		_, got := f.RunPostFilterPlugins(t.Context(), framework.NewCycleState(), onNode("web", ""), framework.NewDefaultNodeToStatus())
		if got.Message() != tc.want || got.Code() != tc.status.Code() {
			t.Errorf("%s: %q (%v), want %q (%v)", name, got.Message(), got.Code(), tc.want, tc.status.Code())
		}
	}
}
