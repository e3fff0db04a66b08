// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package timeline is foresight timeline: it tells the steps of a pod's life from what the API keeps of it: its
// conditions, its containers' statuses and its events.
package timeline

import (
	"fmt"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

// Life is a pod's.
type Life struct {
	Namespace string      `json:"namespace"`
	Pod       string      `json:"pod"`
	UID       string      `json:"uid"`
	Scheduler string      `json:"scheduler"`
	Node      string      `json:"node,omitempty"`
	Phase     v1.PodPhase `json:"phase"`
	Steps     []Step      `json:"steps"`
}

// Step is one of the six.
type Step struct {
	Number int    `json:"step"`
	Name   string `json:"name"`
	// Time is when, as far as anybody wrote it down. The API keeps whole seconds; events of
	// the scheduler have microseconds.
	Time *time.Time `json:"time,omitempty"`
	// Seconds since the pod was created.
	Seconds *float64 `json:"seconds,omitempty"`
	// Source of the time: an event, a condition or a field.
	Source string `json:"source,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Of returns the life of a pod. Events of other objects are left out.
func Of(pod *v1.Pod, events []v1.Event) Life {
	own := make([]v1.Event, 0, len(events))
	for _, e := range events {
		if e.InvolvedObject.UID == pod.UID {
			own = append(own, e)
		}
	}
	l := Life{
		Namespace: pod.Namespace, Pod: pod.Name, UID: string(pod.UID),
		Scheduler: pod.Spec.SchedulerName, Node: pod.Spec.NodeName, Phase: pod.Status.Phase,
		Steps: []Step{created(pod), seen(pod, own), bound(pod, own), kubelet(pod), sandbox(pod, own), outcome(pod)},
	}
	for i := range l.Steps {
		s := &l.Steps[i]
		s.Number = i + 1
		if s.Time != nil {
			// Against a creation in whole seconds nothing is earlier than 0.
			seconds := max(0, s.Time.Sub(pod.CreationTimestamp.Time).Seconds())
			s.Seconds = &seconds
		}
	}
	return l
}

func created(pod *v1.Pod) Step {
	s := Step{Name: "created", Source: "metadata.creationTimestamp"}
	s.at(pod.CreationTimestamp.Time)
	if len(pod.OwnerReferences) > 0 {
		s.Detail = "by " + pod.OwnerReferences[0].Kind + " " + pod.OwnerReferences[0].Name
	}
	return s
}

// seen is the first sign of the scheduler: it leaves none before it has tried.
func seen(pod *v1.Pod, events []v1.Event) Step {
	s := Step{Name: "seen by the scheduler"}
	if e := first(events, "FailedScheduling"); e != nil {
		s.Source, s.Detail = "event FailedScheduling", e.Message
		s.at(began(e))
		return s
	}
	if e := first(events, "Scheduled"); e != nil {
		s.Source, s.Detail = "event Scheduled", "placed at the first try"
		s.at(began(e))
		return s
	}
	c := condition(pod, v1.PodScheduled)
	switch {
	case len(pod.Spec.SchedulingGates) > 0:
		s.Detail = "held back by scheduling gates"
	case c == nil && pod.Spec.NodeName == "":
		s.Detail = fmt.Sprintf("no sign of %s yet; does it run?", pod.Spec.SchedulerName)
	case c == nil:
		s.Detail = "bound without a scheduler's event"
	default:
		s.Source, s.Detail = "condition PodScheduled", c.Message
		s.at(c.LastTransitionTime.Time)
	}
	return s
}

func bound(pod *v1.Pod, events []v1.Event) Step {
	s := Step{Name: "bound"}
	if pod.Spec.NodeName == "" {
		if c := condition(pod, v1.PodScheduled); c != nil && c.Status == v1.ConditionFalse {
			s.Detail = "waits: " + c.Message
		}
		return s
	}
	s.Detail = "to node " + pod.Spec.NodeName
	if e := first(events, "Scheduled"); e != nil && !e.EventTime.IsZero() {
		s.Source = "event Scheduled"
		s.at(e.EventTime.Time)
	} else if c := condition(pod, v1.PodScheduled); c != nil {
		s.Source = "condition PodScheduled"
		s.at(c.LastTransitionTime.Time)
	}
	return s
}

func kubelet(pod *v1.Pod) Step {
	s := Step{Name: "taken by the kubelet"}
	if pod.Status.StartTime != nil {
		s.Source = "status.startTime"
		s.at(pod.Status.StartTime.Time)
	}
	if pod.Status.Reason != "" {
		s.Detail = strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)
	}
	return s
}

func sandbox(pod *v1.Pod, events []v1.Event) Step {
	s := Step{Name: "sandbox ready"}
	c := condition(pod, v1.PodReadyToStartContainers)
	switch {
	case c != nil && c.Status == v1.ConditionTrue:
		s.Source = "condition PodReadyToStartContainers"
		s.at(c.LastTransitionTime.Time)
		if pod.Status.PodIP != "" {
			s.Detail = "address " + pod.Status.PodIP
		}
	case c != nil:
		// It is false again once a pod has ended.
		if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
			s.Detail = "gone again"
		} else if e := first(events, "FailedCreatePodSandBox"); e != nil {
			s.Detail = e.Message
		}
	case pod.Status.StartTime != nil:
		s.Detail = "the node does not report it"
	}
	return s
}

// outcome is when all containers ran for the first time that is known, or when the pod
// ended.
func outcome(pod *v1.Pod) Step {
	s := Step{Name: "running"}
	var restarts int32
	var problems []string
	var started, finished time.Time
	running := 0
	for _, c := range pod.Status.ContainerStatuses {
		restarts += c.RestartCount
		switch {
		case c.State.Running != nil:
			running++
			started = later(started, c.State.Running.StartedAt.Time)
		case c.State.Terminated != nil:
			t := c.State.Terminated
			started, finished = later(started, t.StartedAt.Time), later(finished, t.FinishedAt.Time)
			problems = append(problems, fmt.Sprintf("%s: %s, exit status %d", c.Name, t.Reason, t.ExitCode))
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			problems = append(problems, strings.TrimSpace(fmt.Sprintf("%s: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)))
		}
	}
	switch pod.Status.Phase {
	case v1.PodFailed, v1.PodSucceeded:
		s.Name, s.Source = strings.ToLower(string(pod.Status.Phase)), "status.containerStatuses"
		s.at(finished)
	case v1.PodRunning:
		if running > 0 {
			s.Source = "status.containerStatuses"
			s.at(started)
		}
	}
	if s.Time == nil {
		s.Source = ""
	}
	if restarts > 0 {
		problems = append(problems, fmt.Sprintf("%d restarts", restarts))
	}
	if c := condition(pod, v1.PodReady); c != nil && c.Status == v1.ConditionTrue {
		problems = append(problems, "ready since "+c.LastTransitionTime.UTC().Format(time.TimeOnly))
	}
	s.Detail = strings.Join(problems, "; ")
	return s
}

func (s *Step) at(t time.Time) {
	if !t.IsZero() {
		t = t.UTC()
		s.Time = &t
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func condition(pod *v1.Pod, kind v1.PodConditionType) *v1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// first returns the earliest event with the reason.
func first(events []v1.Event, reason string) *v1.Event {
	var found *v1.Event
	for i := range events {
		if e := &events[i]; e.Reason == reason && (found == nil || began(e).Before(began(found))) {
			found = e
		}
	}
	return found
}

// began is when an event happened for the first time; there are two generations of events.
func began(e *v1.Event) time.Time {
	switch {
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	default:
		return e.CreationTimestamp.Time
	}
}
