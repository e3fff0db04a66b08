// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	upstream "k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/ends"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// The scheduler's informer tells of a pod that failed as of one that was deleted. What it came to counts all the same, in whatever order
// the two are heard; one that was deleted, or succeeded, is not judged.
func TestPodsThatFail(t *testing.T) {
	type step func(running, failed *watch.FakeWatcher, pod *v1.Pod)
	leaves := func(r, _ *watch.FakeWatcher, p *v1.Pod) { r.Delete(p) }
	evicted := func(_, f *watch.FakeWatcher, p *v1.Pod) {
		p = p.DeepCopy()
		p.Status = v1.PodStatus{Phase: v1.PodFailed, Reason: "Evicted", Conditions: []v1.PodCondition{{Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: v1.PodReasonTerminationByKubelet}}}
		f.Add(p)
	}
	killed := func(_, f *watch.FakeWatcher, p *v1.Pod) {
		p = p.DeepCopy()
		p.Status = v1.PodStatus{Phase: v1.PodFailed, ContainerStatuses: []v1.ContainerStatus{{State: v1.ContainerState{Terminated: &v1.ContainerStateTerminated{Reason: "OOMKilled"}}}}}
		f.Add(p)
	}
	crashed := func(_, f *watch.FakeWatcher, p *v1.Pod) {
		p = p.DeepCopy()
		p.Status.Phase = v1.PodFailed
		f.Add(p)
	}
	successorEvicted := func(r, f *watch.FakeWatcher, p *v1.Pod) {
		p = p.DeepCopy()
		p.UID = "successor"
		r.Add(p)
		evicted(r, f, p)
	}
	deleted := func(r, _ *watch.FakeWatcher, p *v1.Pod) {
		p = p.DeepCopy()
		p.DeletionTimestamp = new(metav1.Now())
		r.Modify(p)
		r.Delete(p)
	}
	for _, c := range []struct {
		what      string
		steps     []step
		violation string // "" is unjudged
	}{
		{"evicted", []step{leaves, evicted}, "eviction"},
		{"evicted, which is heard first", []step{evicted, leaves}, "eviction"},
		{"evicted, and replaced by a pod of the same name", []step{leaves, evicted, successorEvicted}, "eviction"},
		{"killed for memory", []step{leaves, killed}, "oom_kill"},
		{"failed by itself", []step{leaves, crashed}, ""},
		{"succeeded", []step{leaves}, ""},
		{"deleted", []step{deleted}, ""},
		{"gone, and another one of the same name evicted", []step{leaves, successorEvicted}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, running, failed := watching(t)
				pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", UID: "web-0"}, Spec: v1.PodSpec{NodeName: "a"}, Status: v1.PodStatus{Phase: v1.PodRunning}}
				p.feedback.Bound(&feedback.Decision{UID: pod.UID, Node: "a", Objective: objective.Availability})
				running.Add(pod)
				for _, step := range c.steps {
					step(running, failed, pod)
					synctest.Wait()
				}
				time.Sleep(ends.Grace)
				synctest.Wait()
				counts, verdict := p.feedback.Report()
				wantUnjudged, wantOutcomes := 1, 0
				if c.violation != "" {
					wantUnjudged, wantOutcomes = 0, 1
				}
				if counts.Unjudged != wantUnjudged || counts.Violations[c.violation] != wantOutcomes || counts.Violated[objective.Availability] != wantOutcomes || verdict.Outcomes != wantOutcomes {
					t.Errorf("%+v, of which %d teach; want %q", counts, verdict.Outcomes, c.violation)
				}
				if p.feedback.Watches(pod.UID) {
					t.Error("it is waited for what comes of a pod that is gone")
				}
			})
		})
	}
}

// watching returns a plugin with an API server's two watches of pods: of those that are not finished, and of those that failed.
func watching(t *testing.T) (p *PredictedQoS, running, failed *watch.FakeWatcher) {
	t.Helper()
	client := fake.NewClientset()
	running, failed = watch.NewFakeWithChanSize(10, false), watch.NewFakeWithChanSize(10, false) // Nobody may be reading.
	var lock sync.Mutex
	var watched []string
	client.PrependWatchReactor("pods", func(action clienttesting.Action) (bool, watch.Interface, error) {
		lock.Lock()
		defer lock.Unlock()
		fields := action.(clienttesting.WatchAction).GetWatchRestrictions().Fields.String()
		watched = append(watched, fields)
		if strings.Contains(fields, "status.phase=Failed") {
			return true, failed, nil
		}
		return true, running, nil
	})
	informers := upstream.NewInformerFactory(client, 0, nil)
	h, err := frameworkruntime.NewFramework(t.Context(), nil, nil, frameworkruntime.WithClientSet(client),
		frameworkruntime.WithSnapshotSharedLister(cache.NewSnapshot(nil, []*v1.Node{node("a")})), frameworkruntime.WithInformerFactory(informers))
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := NewFactory(NewService(cycle.NewViews(nil), claims.Everything()))(t.Context(), args(), h)
	if err != nil {
		t.Fatal(err)
	}
	informers.Start(t.Context().Done())
	informers.WaitForCacheSync(t.Context().Done())
	synctest.Wait()
	lock.Lock()
	defer lock.Unlock()
	if !slices.Contains(watched, "status.phase!=Failed,status.phase!=Succeeded") {
		t.Fatalf("upstream's informer watches other pods than this test takes it to: %q", watched)
	}
	return plugin.(*PredictedQoS), running, failed
}
