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

// Snapshot is what was known of the cluster at one moment, and what is forecast from it. It is immutable. Its methods
// allocate nothing, unless they say so, and may be called on nil, which knows nothing.
type Snapshot struct{ c Contents }

// Reader returns the current snapshot, or nil while nothing is known. Call it once a cycle, so that every node is judged
// by one view.
type Reader func() *Snapshot

// Contents are what a snapshot is made of. Maps may be nil.
type Contents struct {
	// Epoch tells snapshots apart; those of one engine are numbered from 1.
	Epoch uint64
	// PodsEpoch changes when forecasts of pods do, which is less often.
	PodsEpoch uint64
	// Usage and Forecasts of nodes by name.
	Usage     map[string]NodeUsage
	Forecasts map[string]NodeForecast
	// Workloads and Classes are what is learned of pods, on the rungs FromOwner and FromClass.
	Workloads map[Workload]*PodForecast
	Classes   map[Class]*PodForecast
	// Cluster is what pods use as a multiple of what upstream counts for them; nil is not known.
	Cluster *PodForecast
	// Measured is what pods that are there were measured at, by UID.
	Measured map[types.UID]Measured
	// Mixture says what pods that are there will do in the next hours; nil where the engine was not asked to learn it.
	Mixture *ahead.Mixture
	// Lives are how long pods run of which nothing else is known.
	Lives map[Workload]time.Duration
	// Combiners say how the peaks of pods add up. The zero value would have them never coincide: set them.
	Combiners [NumHorizons][NumResources]peak.Combiner
	// Blind says that too many nodes are blind for verdicts by forecasts.
	Blind bool
	// MayPredict says whether a pod may say by annotations what it will use, whatever is forecast; nil is none.
	MayPredict func(*v1.Pod) bool
}

// NewSnapshot returns the snapshot of contents, which nobody may write to from then on.
func NewSnapshot(c Contents) *Snapshot { return &Snapshot{c: c} }

// Epoch tells snapshots of one engine apart: they are numbered from 1, and nil is 0.
func (s *Snapshot) Epoch() uint64 {
	if s == nil {
		return 0
	}
	return s.c.Epoch
}

// PodsEpoch tells snapshots apart whose forecasts of pods differ; nil is 0.
func (s *Snapshot) PodsEpoch() uint64 {
	if s == nil {
		return 0
	}
	return s.c.PodsEpoch
}

// MeasuredOf returns what a pod that is there was measured at, and whether it was.
func (s *Snapshot) MeasuredOf(uid types.UID) (Measured, bool) {
	if s == nil {
		return Measured{}, false
	}
	m, ok := s.c.Measured[uid]
	return m, ok
}

// Blind says that so little is known of the cluster that a verdict by forecasts would be a guess: a filter must let
// every node pass, and a score has nothing to say.
func (s *Snapshot) Blind() bool { return s == nil || s.c.Blind }

// Node returns what is known of a node's use, and whether anything is.
func (s *Snapshot) Node(name string) (NodeUsage, bool) {
	if s == nil {
		return NodeUsage{}, false
	}
	u, ok := s.c.Usage[name]
	return u, ok
}

// Nodes returns of how many nodes the use was measured no longer than maxAge before now.
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

// NumForecasts returns of how many nodes there is a forecast.
func (s *Snapshot) NumForecasts() int {
	if s == nil {
		return 0
	}
	return len(s.c.Forecasts)
}

// NodeForecast returns the forecast of a node; the zero value where there is none.
func (s *Snapshot) NodeForecast(name string) NodeForecast {
	if s == nil {
		return NodeForecast{}
	}
	return s.c.Forecasts[name]
}

// Combiner says how the peaks of a node's pods add up. Where nothing is learned they coincide.
func (s *Snapshot) Combiner(h Horizon, r Resource) peak.Combiner {
	if s == nil {
		return peak.Combiner{Together: 1}
	}
	return s.c.Combiners[h][r]
}

// Pod returns the forecast of a pod from the best rung that has one. It allocates where the pod's controller is not
// known, to add up its requests: look a pod up once a cycle.
func (s *Snapshot) Pod(pod *v1.Pod) PodForecast {
	if f := s.ofOwner(pod); f != nil {
		return s.of(f, pod)
	}
	return s.ofRequests(pod, RequestsOf(pod))
}

// Resident is Pod for a pod on a node that has so much, and whose own use was measured; it allocates only where a pod states
// what it uses.
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

// ofRequests is the forecast of a pod whose owner tells nothing.
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

// of returns the forecast for one pod, which may have a deadline of its own and may state what it uses.
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
