// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pods learns what one pod of a workload uses, from the samples of all its pods: a pod that comes is one of them.
//
// Each pod has the peak of its open hour and day; when they are over, the peak goes to a sketch of the workload, one of
// the pod's class, and, as a multiple of what the pod requests, one of the cluster. Their quantiles are the forecasts.
package pods

import (
	"math"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Options of what is learned.
type Options struct {
	// Tau is the share of pods whose peak stays below the upper bound.
	Tau float64
	// ColdStart is how long a workload, or a class, is watched until what its pods request no longer counts.
	ColdStart time.Duration
	// Most is how many workloads, and how many classes, are remembered. Those seen least recently go first.
	Most int
	// Forget is for how long a pod without samples is taken to be there.
	Forget time.Duration
	// Grid of the workloads' series.
	Grid history.Grid
	// Ahead has what pods will do in the next hours learned, from what each did at the hours of its newest day.
	Ahead bool
}

// Lookup returns the object of a pod, or nil where there is none.
type Lookup func(namespace, name string) *v1.Pod

// Learned is what is learned of a cluster's pods, and how. It is not safe for concurrent use.
type Learned struct {
	options   Options
	pods      map[key]*Pod
	workloads map[forecast.Workload]*Use
	classes   map[forecast.Class]*Use
	// cluster is what pods use as a multiple of what upstream counts as their request.
	cluster Use
	evicted uint64
	mixture *ahead.Mixture
	hour    int64 // that is open, since 1970
}

type key struct{ namespace, name string }

// Pod that is there.
type Pod struct {
	// Node that runs it.
	Node string
	// Use in the newest sample that measured it; NaN before there was one, when it is too old to count, and once the pod is
	// gone.
	Use [forecast.NumResources]float64
	// First and Newest sample, Unix seconds; 0 before there was one.
	First, Newest int64

	told            bool                         // in the newest reading
	runs            bool                         // for so long that it should be measured
	measuredAt      [forecast.NumResources]int64 // when Use was, Unix seconds
	object          *v1.Pod
	workload, class *Use // either may be nil
	requested       forecast.Amounts
	limit           forecast.Amounts // that cannot be passed; +Inf is none
	// own is what this pod was measured at.
	own [forecast.NumResources]moments
	// peaks of the open hour and day; negative before the first sample.
	peaks  [forecast.NumHorizons][forecast.NumResources]float32
	opened [forecast.NumHorizons]int64 // Unix second of the first sample in the open hour and day
	peaked peaked
	days   *days // nil where Options.Ahead is false
}

// New is whether the newest reading was the first to tell of the pod.
func (p *Pod) New() bool { return p.told && p.First == p.Newest }

var unmeasured = [forecast.NumResources]float64{math.NaN(), math.NaN()}

func newPod(unix int64) *Pod {
	p := &Pod{First: unix, Use: unmeasured}
	for i := range p.peaks {
		p.peaks[i] = noPeak
	}
	return p
}

// noPeak is that of a window without samples.
var noPeak = [forecast.NumResources]float32{-1, -1}

// New returns an empty history.
func New(o Options) *Learned {
	return &Learned{
		options: o, pods: map[key]*Pod{}, workloads: map[forecast.Workload]*Use{}, classes: map[forecast.Class]*Use{}, mixture: ahead.New(),
	}
}

// Add learns from a clean reading. Pods that lookup does not find are passed over.
func (h *Learned) Add(r usage.Reading, lookup Lookup) {
	now := r.End.Unix()
	h.turnHour(now)
	for u := range h.all {
		u.sum = [forecast.NumResources]cycle{}
	}
	for _, p := range h.pods {
		p.told = false
		if p.workload != nil && p.workload.evicted {
			p.workload = nil
		}
		if p.class != nil && p.class.evicted {
			p.class = nil
		}
	}
	for i := range r.Pods {
		s := &r.Pods[i]
		object := lookup(s.Namespace, s.Name)
		if object == nil || s.UID != "" && s.UID != string(object.UID) {
			continue
		}
		h.observe(s, object)
	}
	for u := range h.all {
		if u.sum != ([forecast.NumResources]cycle{}) {
			u.close(now)
		}
	}
	for k, p := range h.pods {
		for r := range p.Use {
			if p.measuredAt[r] != 0 && now-p.measuredAt[r] > int64(h.options.Forget/time.Second) {
				p.Use[r] = math.NaN()
			}
		}
		if !p.told {
			// An answer without a pod that is there does not say that it uses nothing.
			if object := lookup(k.namespace, k.name); object == nil || object.UID != p.object.UID {
				p.Use = unmeasured
			}
		}
		if p.Newest != 0 && now-p.Newest > int64(h.options.Forget/time.Second) {
			h.leave(p)
			delete(h.pods, k)
		}
	}
	h.evict()
}

// all yields everything that pods' samples are added up in.
func (h *Learned) all(yield func(*Use) bool) {
	for _, u := range h.workloads {
		if !yield(u) {
			return
		}
	}
	for _, u := range h.classes {
		if !yield(u) {
			return
		}
	}
	yield(&h.cluster)
}

func (h *Learned) observe(s *usage.PodSample, object *v1.Pod) {
	k := key{s.Namespace, s.Name}
	p, unix := h.pods[k], s.Time.Unix()
	switch {
	case p == nil:
		p = newPod(unix)
		h.pods[k] = p
	case p.Newest == 0 || p.object.UID != object.UID: // never measured, or its successor of the same name
		h.leave(p)
		p = newPod(unix) // Who holds the predecessor goes on holding it.
		h.pods[k] = p
	}
	if p.object != object {
		h.place(p, object)
	}
	if p.Newest != 0 {
		h.turn(p, unix)
	}
	last := p.Newest
	p.Newest, p.told = unix, true
	for i := range p.opened {
		if p.opened[i] == 0 {
			p.opened[i] = unix
		}
	}
	for r, q := range [forecast.NumResources]usage.Quantity{usage.CPU, usage.Memory} {
		for _, u := range [...]*Use{p.workload, p.class} {
			if u != nil {
				u.ask(r, p.requested[r])
			}
		}
		v, ok := s.Get(q)
		if !ok {
			continue
		}
		p.Use[r], p.measuredAt[r] = v, unix
		p.own[r].add(v, unix-last, meanHalf)
		h.follow(p, r, v, unix, last)
		peak := p.peaked.supported(r, v, s.Window)
		for i := range p.peaks {
			p.peaks[i][r] = max(p.peaks[i][r], float32(peak))
		}
		for _, u := range [...]*Use{p.workload, p.class} {
			if u != nil {
				u.add(r, v, peak, float64(p.peaks[forecast.Hour][r]), p.limit[r])
			}
		}
		if asked := p.requested[r]; asked > 0 {
			h.cluster.ask(r, 1)
			h.cluster.add(r, v/asked, peak/asked, float64(p.peaks[forecast.Hour][r])/asked, math.Inf(1))
		}
	}
}

// ask takes what a pod requests that a reading tells of.
func (u *Use) ask(r int, requested float64) {
	u.sum[r].told++
	u.sum[r].requested += requested
}

// add takes what was measured of it, and how far that is a peak.
func (u *Use) add(r int, v, peak, hourPeak, limit float64) {
	c := &u.sum[r]
	c.pods++
	c.use += v
	c.squares += v * v
	c.hourPeaks += hourPeak
	c.limit = max(c.limit, limit)
	u.Resources[r].Largest = max(u.Resources[r].Largest, peak)
}

// place finds what the pod is one of, or finds it again, after its object changed.
func (h *Learned) place(p *Pod, object *v1.Pod) {
	p.object, p.Node = object, object.Spec.NodeName
	requests := forecast.RequestsOf(object)
	p.requested = requests.Counted
	// A limit of CPU holds on average over more than a sample.
	p.limit = forecast.Amounts{forecast.CPU: math.Inf(1), forecast.Memory: memoryLimit(object)}
	if w, ok := forecast.WorkloadOf(object); ok {
		if p.workload = h.workloads[w]; p.workload == nil {
			p.workload = &Use{}
			for r := range p.workload.Resources {
				p.workload.Resources[r].Typical = history.NewSeries(h.options.Grid, 2*p.requested[r])
			}
			h.workloads[w] = p.workload
		}
	}
	c := forecast.ClassOf(object, requests.Asked)
	if p.class = h.classes[c]; p.class == nil {
		p.class = &Use{}
		h.classes[c] = p.class
	}
	if p.workload != nil {
		p.workload.class = p.class
	}
}

// turn closes the pod's hour and day when unix is in another. Of a window the pod saw less than half of, the peak says
// little.
func (h *Learned) turn(p *Pod, unix int64) {
	for i := range p.peaks {
		length := int64(forecast.Horizon(i).Duration() / time.Second)
		if unix/length == p.Newest/length {
			continue
		}
		if p.Newest-p.opened[i] >= length/2 {
			h.complete(p, forecast.Horizon(i))
		}
		p.peaks[i], p.opened[i] = noPeak, 0
	}
}
