// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// Snapshot is the knowledge of the cluster at one moment, and the forecasts made from it. It is
// immutable. Its methods allocate nothing unless they say so. They may be called on nil, which
// knows nothing.
type Snapshot struct{ c Contents }

// Reader returns the current snapshot, or nil while nothing is known. Call it once a cycle, so that
// every node is judged by the same snapshot.
type Reader func() *Snapshot

// Contents are the parts of a snapshot. Maps may be nil.
type Contents struct {
	// Epoch identifies a snapshot. Those of one engine are numbered from 1.
	Epoch uint64
	// PodsEpoch changes when forecasts of pods change, which is less often than Epoch.
	PodsEpoch uint64
	// Usage and Forecasts are those of nodes, by name.
	Usage     map[string]NodeUsage
	Forecasts map[string]NodeForecast
	// Workloads and Classes are the learned forecasts of pods, for FromOwner and FromClass.
	Workloads map[Workload]*PodForecast
	Classes   map[Class]*PodForecast
	// Cluster is the use of pods as a multiple of what upstream counts for them; nil is unknown.
	Cluster *PodForecast
	// Measured is the measured use of existing pods, by UID.
	Measured map[types.UID]Measured
	// Mixture forecasts the next hours of existing pods. It is nil if the engine was not asked to
	// learn that.
	Mixture *ahead.Mixture
	// Lives are how long the pods of workloads run for which nothing else is known.
	Lives map[Workload]time.Duration
	// Combiners tell how the peaks of pods add up. In the zero value peaks never coincide, so set
	// them.
	Combiners [NumHorizons][NumResources]peak.Combiner
	// Blind is true if too many nodes are blind for verdicts by forecasts.
	Blind bool
	// MayPredict reports whether a pod may state its use by annotations, whatever is forecast. If
	// nil, no pod may.
	MayPredict func(*v1.Pod) bool
}

// NewSnapshot returns a snapshot of the contents, which must not be changed afterwards.
func NewSnapshot(c Contents) *Snapshot { return &Snapshot{c: c} }

// Epoch returns the number of the snapshot, from 1. It differs between the snapshots of one engine;
// nil has 0.
func (s *Snapshot) Epoch() uint64 {
	if s == nil {
		return 0
	}
	return s.c.Epoch
}

// PodsEpoch returns a number that differs between snapshots whose forecasts of pods differ; nil has
// 0.
func (s *Snapshot) PodsEpoch() uint64 {
	if s == nil {
		return 0
	}
	return s.c.PodsEpoch
}

// MeasuredOf returns the measured use of an existing pod, and whether there is any.
func (s *Snapshot) MeasuredOf(uid types.UID) (Measured, bool) {
	if s == nil {
		return Measured{}, false
	}
	m, ok := s.c.Measured[uid]
	return m, ok
}

// Blind reports whether so little is known of the cluster that a verdict by forecasts would be a
// guess. A filter must then let every node pass, and no score applies.
func (s *Snapshot) Blind() bool { return s == nil || s.c.Blind }

// Node returns a node's measured use, and whether there is any.
func (s *Snapshot) Node(name string) (NodeUsage, bool) {
	if s == nil {
		return NodeUsage{}, false
	}
	u, ok := s.c.Usage[name]
	return u, ok
}

// Nodes returns the number of nodes whose newest sample is no older than maxAge at now.
func (s *Snapshot) Nodes(now time.Time, maxAge time.Duration) (n int) {
	if s == nil {
		return 0
	}
	for _, u := range s.c.Usage {
		if now.Sub(u.Newest) <= maxAge {
			n++
		}
	}
	return n
}

// NumForecasts returns the number of nodes with a forecast.
func (s *Snapshot) NumForecasts() int {
	if s == nil {
		return 0
	}
	return len(s.c.Forecasts)
}

// NodeForecast returns the forecast of a node, or the zero value if there is none.
func (s *Snapshot) NodeForecast(name string) NodeForecast {
	if s == nil {
		return NodeForecast{}
	}
	return s.c.Forecasts[name]
}

// Combiner returns how the peaks of a node's pods add up. If nothing is learned, they coincide.
func (s *Snapshot) Combiner(h Horizon, r Resource) peak.Combiner {
	if s == nil {
		return peak.Combiner{Together: 1}
	}
	return s.c.Combiners[h][r]
}

// Pod returns the forecast of a pod from the best origin that has one. It allocates if the pod's
// controller is not known, to add up its requests, so call it once a cycle.
func (s *Snapshot) Pod(pod *v1.Pod) PodForecast {
	if f := s.ofOwner(pod); f != nil {
		return s.of(f, pod)
	}
	return s.ofRequests(pod, RequestsOf(pod))
}

// Resident is Pod for a pod on a node with this allocatable, corrected by the pod's own measured
// use. It allocates only if the pod states its use.
func (s *Snapshot) Resident(p fwk.PodInfo, allocatable Amounts) (f PodForecast) {
	pod := p.GetPod()
	if owner := s.ofOwner(pod); owner != nil {
		f = s.of(owner, pod)
	} else {
		f = s.ofRequests(pod, requestsOf(p))
	}
	f.within(pod, allocatable)
	if s == nil || len(s.c.Measured) == 0 {
		return f
	}
	if own, ok := s.c.Measured[pod.UID]; ok {
		f.correct(&own)
	}
	return f
}

func (s *Snapshot) ofOwner(pod *v1.Pod) *PodForecast {
	if s == nil || len(s.c.Workloads) == 0 {
		return nil
	}
	w, ok := WorkloadOf(pod)
	if !ok {
		return nil
	}
	return s.c.Workloads[w]
}

// ofRequests returns the forecast of a pod whose workload has none.
func (s *Snapshot) ofRequests(pod *v1.Pod, requests Requests) PodForecast {
	f := PodForecast{Origin: FromRequest}
	if s != nil {
		if known := s.c.Classes[ClassOf(pod, requests.Asked)]; known != nil {
			return s.of(known, pod)
		}
		if w, ok := WorkloadOf(pod); ok {
			f.Life = s.c.Lives[w]
		}
	}
	for h := range f.Peaks {
		for r := range f.Peaks[h] {
			asked := requests.Counted[r]
			f.Peaks[h][r] = Peak{Mean: asked, Upper: asked}
			if s != nil && s.c.Cluster != nil {
				c := s.c.Cluster.Peaks[h][r]
				f.Peaks[h][r] = Peak{Mean: c.Mean * asked, Lower: c.Lower * asked, Upper: c.Upper * asked}
				f.Origin = FromCluster
			}
		}
	}
	for r := range f.Use {
		asked := requests.Counted[r]
		f.Use[r] = useUpTo(asked, 2*asked)
		if f.Origin == FromCluster {
			c := s.c.Cluster.Use[r]
			f.Use[r] = Use{Mean: c.Mean * asked, Variance: c.Variance * asked * asked}
		}
	}
	return s.of(&f, pod)
}

// of returns the forecast for one pod, which may have a deadline and may state its use.
func (s *Snapshot) of(f *PodForecast, pod *v1.Pod) PodForecast {
	out := *f
	s.state(&out, pod)
	if d := pod.Spec.ActiveDeadlineSeconds; d != nil && *d > 0 {
		if deadline := time.Duration(*d) * time.Second; deadline/time.Second == time.Duration(*d) && (out.Life == 0 || deadline < out.Life) {
			out.Life = deadline
		}
	}
	return out
}
