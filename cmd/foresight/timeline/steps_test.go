// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package timeline

import (
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var birth = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time {
	return birth.Add(time.Duration(seconds * float64(time.Second)))
}

func second(seconds float64) metav1.Time { return metav1.NewTime(at(seconds).Truncate(time.Second)) }

func newPod(phase v1.PodPhase) *v1.Pod {
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "u1", CreationTimestamp: second(0)},
		Spec:       v1.PodSpec{SchedulerName: "foresight-scheduler"},
		Status:     v1.PodStatus{Phase: phase},
	}
}

func event(reason, message string, seconds float64) v1.Event {
	return v1.Event{
		InvolvedObject: v1.ObjectReference{UID: "u1"}, Reason: reason, Message: message,
		EventTime: metav1.NewMicroTime(at(seconds)),
	}
}

func with(pod *v1.Pod, kind v1.PodConditionType, status v1.ConditionStatus, seconds float64, message string) {
	pod.Status.Conditions = append(pod.Status.Conditions, v1.PodCondition{
		Type: kind, Status: status, LastTransitionTime: second(seconds), Message: message,
	})
}

// seconds of the steps; -1 where nobody knows.
func seconds(l Life) (all []float64) {
	for _, s := range l.Steps {
		if s.Seconds == nil {
			all = append(all, -1)
		} else {
			all = append(all, *s.Seconds)
		}
	}
	return all
}

func check(t *testing.T, l Life, want ...float64) {
	t.Helper()
	got := seconds(l)
	if len(got) != 6 {
		t.Fatalf("%d steps: %+v", len(got), l.Steps)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("step %d: %v s after the creation, want %v: %+v", i+1, got[i], want[i], l.Steps[i])
		}
	}
}

func TestALifeOnARealNode(t *testing.T) {
	pod := newPod(v1.PodRunning)
	pod.Spec.NodeName = "node-1"
	start := second(5)
	pod.Status.StartTime, pod.Status.PodIP = &start, "10.244.1.2"
	with(pod, v1.PodScheduled, v1.ConditionTrue, 4, "")
	with(pod, v1.PodReadyToStartContainers, v1.ConditionTrue, 6, "")
	pod.Status.ContainerStatuses = []v1.ContainerStatus{
		{Name: "a", State: v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: second(7)}}},
		{Name: "b", State: v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: second(8)}}},
	}
	other := event("Scheduled", "", 0)
	other.InvolvedObject.UID = "another life under the same name"
	l := Of(pod, []v1.Event{
		other, event("Scheduled", "", 4.25), event("FailedScheduling", "0/2 nodes", 2), event("FailedScheduling", "0/2 nodes", 1.5),
	})
	check(t, l, 0, 1.5, 4.25, 5, 6, 8)
	if l.Steps[2].Detail != "to node node-1" || !strings.Contains(l.Steps[4].Detail, "10.244.1.2") {
		t.Errorf("%+v", l.Steps)
	}
}

func TestAPodThatWaitsSaysWhy(t *testing.T) {
	pod := newPod(v1.PodPending)
	with(pod, v1.PodScheduled, v1.ConditionFalse, 1, "0/2 nodes are available")
	l := Of(pod, nil)
	check(t, l, 0, 1, -1, -1, -1, -1)
	if !strings.Contains(l.Steps[2].Detail, "0/2 nodes are available") {
		t.Errorf("%+v", l.Steps[2])
	}
}

func TestAPodNobodySchedules(t *testing.T) {
	l := Of(newPod(v1.PodPending), nil)
	check(t, l, 0, -1, -1, -1, -1, -1)
	if !strings.Contains(l.Steps[1].Detail, "does it run?") {
		t.Errorf("%+v", l.Steps[1])
	}
}

func TestAFailedPod(t *testing.T) {
	pod := newPod(v1.PodFailed)
	pod.Spec.NodeName = "node-1"
	with(pod, v1.PodReadyToStartContainers, v1.ConditionFalse, 9, "")
	pod.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "a", State: v1.ContainerState{
		Terminated: &v1.ContainerStateTerminated{StartedAt: second(3), FinishedAt: second(4), Reason: "Error", ExitCode: 3},
	}}}
	l := Of(pod, []v1.Event{event("Scheduled", "", 0.5)})
	check(t, l, 0, 0.5, 0.5, -1, -1, 4)
	if s := l.Steps[5]; s.Name != "failed" || !strings.Contains(s.Detail, "exit status 3") {
		t.Errorf("%+v", s)
	}
}

func TestAPodThatCrashesAgainAndAgain(t *testing.T) {
	pod := newPod(v1.PodRunning)
	pod.Spec.NodeName = "node-1"
	pod.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "a", RestartCount: 4, State: v1.ContainerState{
		Waiting: &v1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"},
	}}}
	s := Of(pod, nil).Steps[5]
	if s.Time != nil || !strings.Contains(s.Detail, "CrashLoopBackOff") || !strings.Contains(s.Detail, "4 restarts") {
		t.Errorf("%+v", s)
	}
}
