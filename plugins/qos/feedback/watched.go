// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"math"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// The limits of suffering: the share of time in which a task of the pod waited for a CPU, for memory or for I/O (PSI
// "some"), and the share of CFS periods in which it was throttled.
const (
	latencySuffers  = .25
	realtimeSuffers = .10
	realtimeThrottl = .10
)

type mean struct{ sum, n float64 }

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) over(limit float64) bool { return m.n > 0 && m.sum/m.n > limit }

// suffers says what of the pod's service is not as its objective wants it. A response time that was measured is the
// service itself; pressure only makes a bad one likely.
func (d *Decision) suffers() string {
	switch {
	case d.MayTake > 0 && d.responses.n > 0:
		if d.responses.over(d.MayTake) {
			return "response_time"
		}
	case d.Objective == objective.Latency && d.suffering.over(latencySuffers):
		return "pressure"
	case d.Objective == objective.Realtime && d.suffering.over(realtimeSuffers):
		return "pressure"
	case d.Objective == objective.Realtime && d.throttling.over(realtimeThrottl):
		return "throttling"
	}
	return ""
}

// Measured takes what was measured of a pod: the share of time in which it waited, that in which it was throttled by its own
// limit, and its response time. What cannot be is dropped, and so is what is measured of a pod that is not watched.
func (l *Loop) Measured(uid types.UID, v *usage.Values) {
	waited, pressed := v.Waiting()
	throttled, _ := v.Get(usage.Throttled)
	pressed = pressed && throttled >= 0 && throttled <= 1
	seconds, responded := v.Get(usage.ResponseTime)
	responded = responded && seconds >= 0 && !math.IsInf(seconds, 0)
	if !pressed && !responded {
		return
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	d, ok := l.waiting[uid]
	if !ok {
		return
	}
	if pressed {
		// A pod that hits its own limit waits, too, and no node is to blame for it.
		d.suffering.add(max(0, waited-throttled))
		d.throttling.add(throttled)
	}
	if responded {
		d.responses.add(seconds)
	}
}

// Observe looks whether a pod lost its service, or ended.
func (l *Loop) Observe(pod *v1.Pod) {
	if reason := disrupted(pod); reason != "" {
		l.lock.Lock()
		defer l.lock.Unlock()
		if d, ok := l.waiting[pod.UID]; ok {
			l.lost(d, reason)
		}
		return
	}
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		l.Gone(pod.UID)
	}
}

// Gone says that a pod ended or was deleted: nothing more will be known of it.
func (l *Loop) Gone(uid types.UID) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.giveUp(uid)
}

// NotReady says that a node went away under its pods.
func (l *Loop) NotReady(node string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, d := range l.waiting {
		if d.Node == node {
			l.lost(d, "not_ready")
		}
	}
}

// disrupted says how a pod lost its service, or "" where it did not. A pod that failed by itself did not.
func disrupted(pod *v1.Pod) string {
	if pod.Status.Phase == v1.PodFailed && (pod.Status.Reason == "Evicted" || pod.Status.Reason == "NodeLost" || pod.Status.Reason == "NodeShutdown") {
		return "eviction"
	}
	for i := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[i]
		for _, state := range []*v1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
			if state != nil && state.Reason == "OOMKilled" {
				return "oom_kill"
			}
		}
		if s.RestartCount > 0 {
			return "restart"
		}
	}
	return ""
}
