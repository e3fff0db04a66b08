// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pages reads the pages of a kubelet, /stats/summary and /metrics/cadvisor, and
// makes samples of two readings of them. It knows nothing of how they are got.
package pages

import (
	"cmp"
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

const (
	// Window is about what the kubelet averages its own CPU rate over: the interval
	// at which it looks at the cgroups.
	Window = 10 * time.Second
	// maxWindow is the longest time between two answers that a rate is taken over: what a node used on average since the day
	// before yesterday says little about now, and zeros of clocks lie decades back.
	maxWindow = 2 * time.Hour
	// apart is how far apart the times of two values may be that share a sample.
	apart = 30 * time.Second
)

// The quantities of the pressure counters. waiting and stalled are cAdvisor's words for
// the kernel's some and full.
var pressures = [...]struct {
	counter  counter
	quantity usage.Quantity
}{
	{cpuWaiting, usage.CPUSome}, {cpuStalled, usage.CPUFull},
	{memoryWaiting, usage.MemorySome}, {memoryStalled, usage.MemoryFull},
	{ioWaiting, usage.IOSome}, {ioStalled, usage.IOFull},
}

// Counters is the state of a node's counters at one reading, from which the next one
// makes rates.
type Counters struct {
	// cpu time of pods by UID, and of the node by the empty UID, in core-seconds.
	cpu map[string]usage.Count
	// groups by cgroup id; a container that restarts is another cgroup, so its counters
	// are not a reset. nil when the page of cAdvisor was not read.
	groups Cgroups
	// received is when the answer came in; zero is not known.
	received time.Time
}

// podKey is a pod's UID or, where that is not known, its namespace and name.
type podKey struct {
	uid, namespace, name string
}

// before says whether g rather than other is a pod's cgroup when both seem to be. The newer one is; of a cluster in containers, as
// kind's, both the node and the machine tell the pod, and any will do so long as it is the same one each time.
func (g *cgroup) before(other *cgroup) bool {
	if a, b := g.newest(), other.newest(); !a.Equal(b) {
		return a.After(b)
	}
	return cmp.Or(cmp.Compare(len(g.id), len(other.id)), cmp.Compare(g.id, other.id)) < 0
}

// Samples makes what one kubelet answered into samples, with the counters of its last
// answer, and returns its counters for the next. groups is nil when the page of
// cAdvisor was not read.
func Samples(node string, s *Summary, groups Cgroups, last Counters) (usage.NodeSample, []usage.PodSample, Counters, usage.Drops) {
	m := maker{
		last: last,
		next: Counters{cpu: make(map[string]usage.Count, len(s.Pods)+1), groups: groups, received: s.Received},
	}
	if groups == nil {
		// The next page is compared with the last one there was, over a longer window.
		m.next.groups = last.groups
	}
	// A pod's cgroups are found by its UID. A pod and its successor of the same name, or one that is gone and still told, have the
	// same name, so by that only those are found whose UID is not told.
	ofPod := map[podKey]*cgroup{}
	containers := map[podKey][]string{}
	for id, g := range groups {
		if g.pod == "" || g.sandbox {
			continue
		}
		key := podKey{uid: g.uid}
		if g.uid == "" {
			key = podKey{namespace: g.namespace, name: g.pod}
		}
		if g.container != "" {
			containers[key] = append(containers[key], id)
		} else if before := ofPod[key]; before == nil || g.before(before) {
			ofPod[key] = g
		}
	}
	nodeSample := usage.NodeSample{Node: node, Sample: m.sample("", &s.Node.stats, groups[root], nil)}
	// The kernel has no full CPU pressure of a whole machine, and shows a zero.
	nodeSample.Unset(usage.CPUFull)

	pods := make([]usage.PodSample, 0, len(s.Pods))
	newest := map[string]int{}
	for i := range s.Pods {
		p := &s.Pods[i]
		uid := p.PodRef.UID
		if uid == "" {
			m.drops[usage.Nameless]++
			continue
		}
		// Kubelets have told a pod twice in one answer: the newer one counts.
		if other, twice := newest[uid]; !twice {
			newest[uid] = i
		} else if m.drops[usage.Duplicate]++; p.at().After(s.Pods[other].at()) {
			newest[uid] = i
		}
	}
	for i := range s.Pods {
		p := &s.Pods[i]
		uid := p.PodRef.UID
		if at, ok := newest[uid]; !ok || at != i {
			continue
		}
		key := podKey{uid: uid}
		if ofPod[key] == nil && containers[key] == nil {
			key = podKey{namespace: p.PodRef.Namespace, name: p.PodRef.Name}
		}
		pods = append(pods, usage.PodSample{
			Namespace: p.PodRef.Namespace, Name: p.PodRef.Name, UID: uid, Node: node,
			Sample: m.sample(uid, &p.stats, ofPod[key], containers[key]),
		})
	}
	return nodeSample, pods, m.next, m.drops
}

// maker makes the samples of one kubelet's answer.
type maker struct {
	last, next Counters
	drops      usage.Drops
}

// sample of the node or of a pod, of which group is the cgroup, if known, and
// containers are the cgroups of the containers.
func (m *maker) sample(uid string, s *stats, group *cgroup, containers []string) usage.Sample {
	var out usage.Sample
	m.cpu(&out, uid, s, group)
	if bytes, at, ok := s.workingSet(); ok && known(at) {
		m.memory(&out, bytes, at)
	} else if ok {
		m.drops[usage.Stale]++
	}
	m.pressure(&out, s, group)
	m.throttled(&out, containers)
	return out
}

// cpu sets the CPU usage since the last answer. cAdvisor's page has the better clock: its
// times are in milliseconds, those of the summary in whole seconds. Before there is a
// last answer, the kubelet's own rate has to do.
func (m *maker) cpu(out *usage.Sample, uid string, s *stats, group *cgroup) {
	if group != nil {
		if rate, at, window, ok := m.rate(group, cpuSeconds); ok {
			out.Set(usage.CPU, rate)
			out.Time, out.Window = at, window
		}
	}
	total, at, ok := s.cpuTotal()
	if ok && known(at) {
		before, told := m.last.cpu[uid]
		m.next.cpu[uid] = usage.Count{Total: total, Time: at}
		if out.Has(usage.CPU) {
			return
		}
		out.Time = at
		if told && m.since(out, uid, before) {
			return
		}
	} else {
		if before, told := m.last.cpu[uid]; told {
			m.next.cpu[uid] = before
		}
		if ok {
			m.drops[usage.Stale]++
		}
	}
	if rate, at, ok := s.cpuNow(); ok && known(at) && !out.Has(usage.CPU) {
		out.Set(usage.CPU, rate)
		out.Time, out.Window = at, Window
	}
}

// since sets the CPU usage since before, up to the counter that is noted for the next answer, and returns false where that has
// to begin anew.
func (m *maker) since(out *usage.Sample, uid string, before usage.Count) (done bool) {
	rate, window, reason, ok := usage.Rate(before, m.next.cpu[uid])
	switch {
	case ok && m.jumped(window):
		m.drops[usage.OutOfOrder]++
		return false // The node's clock was set forward, or nobody asked for long.
	case ok:
		out.Set(usage.CPU, rate)
		out.Window = window
	case reason == usage.Duplicate:
		// No newer than the last answer: its time tells the Cleaner.
		m.next.cpu[uid] = before
	case reason == usage.OutOfOrder:
		// A cache's answer, or the node's clock was set back. The next rate is from here on: what was told before may be of a time
		// that is still to come.
	default:
		m.drops[reason]++
	}
	return true
}

// jumped says whether a window cannot be what passed since the last answer. The figures in an answer may be a minute old.
func (m *maker) jumped(window time.Duration) bool {
	if window > maxWindow {
		return true
	}
	if m.last.received.IsZero() || m.next.received.IsZero() {
		return false
	}
	return window > 2*m.next.received.Sub(m.last.received)+time.Minute
}

// memory sets the working set. A sample is as old as its oldest value; when the two are
// too far apart for that, the older one is left out.
func (m *maker) memory(out *usage.Sample, bytes float64, at time.Time) {
	switch {
	case !out.Has(usage.CPU):
		out.Time = at
	case at.Sub(out.Time) > apart:
		m.drops[usage.Stale]++
		out.Unset(usage.CPU)
		out.Time, out.Window = at, 0
	case out.Time.Sub(at) > apart:
		m.drops[usage.Stale]++
		return
	case at.Before(out.Time):
		// The summary cuts times to whole seconds, so this second may be the same.
		if out.Time.Sub(at) >= time.Second {
			out.Time = at
		}
	}
	out.Set(usage.Memory, bytes)
}

// pressure sets the shares of time that tasks waited: since the last answer where
// cAdvisor's page has the counters, else the kernel's average over the last minute. The
// summary has counters as well, but their unit is not sure: the API says nanoseconds
// and the kubelet passes the kernel's microseconds on.
func (m *maker) pressure(out *usage.Sample, s *stats, group *cgroup) {
	if group != nil {
		for _, p := range pressures {
			if rate, _, _, ok := m.rate(group, p.counter); ok {
				out.Set(p.quantity, rate)
			}
		}
	}
	for i, psi := range s.pressures() {
		if psi == nil {
			continue
		}
		some, full := pressures[2*i].quantity, pressures[2*i+1].quantity
		if !out.Has(some) {
			out.Set(some, psi.Some.Avg60/100)
		}
		if !out.Has(full) {
			out.Set(full, psi.Full.Avg60/100)
		}
	}
}

// throttled sets the share of CFS periods in which containers of the pod were stopped,
// over those of its containers that have a CPU limit.
func (m *maker) throttled(out *usage.Sample, containers []string) {
	periods, throttled := 0.0, 0.0
	for _, id := range containers {
		now, before := m.next.groups[id], m.last.groups[id]
		if before == nil {
			continue
		}
		p, ok1 := growth(before, now, cfsPeriods)
		t, ok2 := growth(before, now, cfsThrottled)
		if !ok1 || !ok2 {
			if now.has&before.has&(1<<cfsPeriods) != 0 {
				m.drops[usage.CounterReset]++
			}
			continue
		}
		periods += p
		throttled += t
	}
	if periods > 0 { // Else nothing ran, or nothing has a limit.
		out.Set(usage.Throttled, throttled/periods)
	}
}

// rate of a counter of the group since the last answer.
func (m *maker) rate(group *cgroup, c counter) (perSecond float64, at time.Time, window time.Duration, ok bool) {
	total, at, ok := group.get(c)
	if !ok {
		return 0, time.Time{}, 0, false
	}
	last := m.last.groups[group.id]
	if last == nil {
		return 0, time.Time{}, 0, false
	}
	before, then, ok := last.get(c)
	if !ok {
		return 0, time.Time{}, 0, false
	}
	if !known(at) || !known(then) {
		m.drops[usage.Stale]++
		return 0, time.Time{}, 0, false
	}
	perSecond, window, reason, ok := usage.Rate(usage.Count{Total: before, Time: then}, usage.Count{Total: total, Time: at})
	switch {
	case !ok && reason == usage.CounterReset:
		m.drops[reason]++
	case ok && m.jumped(window):
		m.drops[usage.OutOfOrder]++
		ok = false
	}
	return perSecond, at, window, ok
}

// growth of a counter between two states of a cgroup.
func growth(before, now *cgroup, c counter) (float64, bool) {
	from, _, ok1 := before.get(c)
	to, _, ok2 := now.get(c)
	d := to - from
	return d, ok1 && ok2 && d >= 0 && !math.IsInf(d, 0)
}
