// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"iter"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

// clusterPeaks is how many pods' hours make a rule for the whole cluster.
const clusterPeaks = 1000

// Publish makes the forecasts of pods anew and puts them into c, with the lives of their workloads.
func (h *Learned) Publish(c *forecast.Contents, lives map[forecast.Workload]time.Duration) {
	c.Cluster = nil
	if r := &h.cluster.Resources; max(r[forecast.CPU].Peaks[forecast.Hour].Count, r[forecast.Memory].Peaks[forecast.Hour].Count) >= clusterPeaks {
		for i := range r {
			r[i].Requested = 1 // also of what was never measured
		}
		c.Cluster = h.cluster.publish(&h.options, forecast.FromCluster, forecast.Amounts{1, 1})
	}
	c.Classes = make(map[forecast.Class]*forecast.PodForecast, len(h.classes))
	for class, u := range h.classes {
		if f := u.publish(&h.options, forecast.FromClass, h.unwatched(u)); f != nil {
			c.Classes[class] = f
		}
	}
	c.Workloads = make(map[forecast.Workload]*forecast.PodForecast, len(h.workloads))
	for w, u := range h.workloads {
		if f := u.publish(&h.options, forecast.FromOwner, h.unwatched(u)); f != nil {
			f.Life = lives[w]
			c.Workloads[w] = f
		}
	}
	c.Lives = lives
	h.publishOwn(c)
}

// unwatched returns the upper bounds of a pod's day from the origins below FromOwner: of the class, else of the cluster where enough days tell
// it, else the request.
func (h *Learned) unwatched(u *Use) (upper forecast.Amounts) {
	if u.class != nil && u.class.forecast != nil {
		return u.class.forecast.Upper(forecast.Day)
	}
	for r := range upper {
		upper[r] = u.Resources[r].Requested
		if days := &h.cluster.Resources[r].Peaks[forecast.Day]; h.cluster.forecast != nil && days.Tells(h.options.Tau) {
			upper[r] *= days.Upper(h.options.Tau)
		}
	}
	return upper
}

// Pods yields the pods that are there.
func (h *Learned) Pods() iter.Seq[*Pod] {
	return func(yield func(*Pod) bool) {
		for _, p := range h.pods {
			if !yield(p) {
				return
			}
		}
	}
}

// Forecast returns what was last published for the pod, as Snapshot.Pod finds it.
func (p *Pod) Forecast(s *forecast.Snapshot) forecast.PodForecast {
	for _, u := range [...]*Use{p.workload, p.class} {
		if u != nil && u.forecast != nil {
			return *u.forecast
		}
	}
	return s.Pod(p.object)
}

// Summary is the past of a typical pod of the workload, as it was when first asked for at that hour; false without one.
func (p *Pod) Summary(r forecast.Resource, hour int64, horizon forecast.Horizon) (history.Summary, bool) {
	if p.workload == nil {
		return history.Summary{}, false
	}
	u := &p.workload.Resources[r]
	kept := u.summaries[horizon]
	if kept == nil || kept.hour != hour {
		kept = &summary{hour, u.Typical.Summary(hour, horizon.Hours())}
		u.summaries[horizon] = kept
	}
	return kept.Summary, true
}

// Kinds returns what workloads of each kind come to on busy days, as known at that hour.
func (h *Learned) Kinds(hour int64) [forecast.NumResources]history.Kinds {
	var kinds [forecast.NumResources]history.Kinds
	for r := range kinds {
		kinds[r] = history.KindsOf(func(yield func(*history.Series) bool) {
			for _, u := range h.workloads {
				if typical := u.Resources[r].Typical; typical != nil && !yield(typical) {
					return
				}
			}
		}, hour)
	}
	return kinds
}

// Status of a history.
type Status struct {
	Pods, Workloads, Classes int
	// Evicted counts the workloads and classes that were forgotten to keep the bound.
	Evicted uint64
}

// Status returns how much is known.
func (h *Learned) Status() Status {
	return Status{Pods: len(h.pods), Workloads: len(h.workloads), Classes: len(h.classes), Evicted: h.evicted}
}
