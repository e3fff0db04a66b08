// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"math"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/ends"
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

// pressed is the share of time for which a pod waited that bears out what it says of its own response time.
const pressed = .05

// bornOut says whether an outcome tells something of the node, and not of the pod alone. Throttling is by the pod's own limit. Response
// times are what a tenant says of itself: slow ones count where tasks were also measured to wait, or, where nothing measures that, when
// a pod of another tenant was slow on the node within the horizon; quick ones count unless tasks waited.
func (l *Loop) bornOut(d *Decision, violation string, now time.Time) bool {
	limit := float64(latencySuffers)
	switch {
	case violation == "throttling":
		return false
	case d.MayTake <= 0 || d.responses.n == 0:
		return true
	case violation == "":
		return !d.suffering.over(limit)
	case d.suffering.n > 0:
		return d.suffering.over(pressed)
	}
	before := l.slow[d.Node]
	l.slow[d.Node] = report{d.Namespace, now}
	return before.tenant != "" && before.tenant != d.Namespace && now.Sub(before.at) <= l.horizons[0]
}

// report of a slow pod on a node.
type report struct {
	tenant string
	at     time.Time
}

// suffers says what of the pod's service is not as its objective wants it. A response time that was measured is the
// service itself; pressure only makes a bad one likely.
func (d *Decision) suffers() string {
	mayThrottle := d.MayThrottle
	if mayThrottle == 0 && d.Objective == objective.Realtime {
		mayThrottle = realtimeThrottl
	}
	switch {
	case d.MayTake > 0 && d.responses.over(d.MayTake) && d.Query != "":
		return "query"
	case d.MayTake > 0 && d.responses.over(d.MayTake):
		return "response_time"
	case d.MayTake > 0 && d.responses.n > 0: // and no pressure, since the service is kept
	case d.Objective == objective.Latency && d.suffering.over(latencySuffers):
		return "pressure"
	case d.Objective == objective.Realtime && d.suffering.over(realtimeSuffers):
		return "pressure"
	}
	if mayThrottle > 0 && d.throttling.over(mayThrottle) {
		return "throttling"
	}
	return ""
}

// Measured takes what was measured of a pod: the share of time in which it waited, that in which it was throttled by its own
// limit, and its response time. What cannot be is dropped, and so is what is measured of a pod that is not watched, or of a time
// before it was bound: a predecessor of its name may have suffered then, and not here.
func (l *Loop) Measured(uid types.UID, v *usage.Sample) {
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
	if !ok || v.Time.Add(-v.Window).Before(d.bound) {
		return
	}
	if pressed {
		// A pod that hits its own limit waits, too, and no node is to blame for it.
		d.suffering.add(max(0, waited-throttled))
		d.throttling.add(throttled)
	}
	if responded && d.Query == "" {
		d.responses.add(seconds)
	}
}

// Asked are the pods that wait for what a query says of them, by query.
func (l *Loop) Asked() map[string]map[types.NamespacedName]types.UID {
	l.lock.Lock()
	defer l.lock.Unlock()
	asked := map[string]map[types.NamespacedName]types.UID{}
	for uid, d := range l.waiting {
		if d.Query == "" {
			continue
		}
		pods := asked[d.Query]
		if pods == nil {
			pods = map[types.NamespacedName]types.UID{}
			asked[d.Query] = pods
		}
		pods[types.NamespacedName{Namespace: d.Namespace, Name: d.Pod}] = uid
	}
	return asked
}

// Answered takes what a query says of a pod, over a time that began then. It is dropped as Measured drops.
func (l *Loop) Answered(uid types.UID, query string, value float64, began time.Time) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if d, ok := l.waiting[uid]; ok && d.Query == query && !began.Before(d.bound) {
		d.responses.add(value)
	}
}

// Observe looks whether a pod lost its service, or ended.
func (l *Loop) Observe(pod *v1.Pod) {
	if reason, own := disrupted(pod); reason != "" {
		l.lock.Lock()
		defer l.lock.Unlock()
		if d, ok := l.waiting[pod.UID]; ok && own {
			l.count(d, reason)
			delete(l.waiting, pod.UID)
		} else if ok {
			l.lost(d, reason)
		}
		return
	}
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		l.Gone(pod.UID)
	}
}

// Watches says whether it is still open what comes of a pod's placement.
func (l *Loop) Watches(uid types.UID) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	_, ok := l.waiting[uid]
	return ok
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

// disrupted says how a pod lost its service, or "" where it did not, and whether that was its own doing: a container that ends, or
// that needs more memory or disk than its own limit, does so on any node. A pod that failed by itself did not lose its service.
func disrupted(pod *v1.Pod) (reason string, own bool) {
	if evicted, own := ends.Evicted(pod); evicted {
		return "eviction", own
	}
	for i := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[i]
		for _, state := range []*v1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
			if state != nil && state.Reason == "OOMKilled" {
				return "oom_kill", limited(pod, s.Name)
			}
		}
		if s.RestartCount > 0 {
			reason, own = "restart", true
		}
	}
	return reason, own
}

// limited says whether a container has a limit of memory, of its own or its pod's: then it is that which it was killed by.
func limited(pod *v1.Pod, container string) bool {
	if r := pod.Spec.Resources; r != nil && !r.Limits.Memory().IsZero() {
		return true
	}
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == container {
			return !c.Resources.Limits.Memory().IsZero()
		}
	}
	return false
}
