// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"math"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// toldWithin is how long after its start a source may begin to tell of a pod: rates need two samples, which some take a minute
// apart. What is younger and not told of is taken to use nothing yet.
const toldWithin = 3 * time.Minute

// Expect takes all pods that there are. Those that have run for a while and are not measured use something nevertheless: they
// are kept, with what is known of pods like them, until they are measured or gone. Call it after Add.
func (h *Learned) Expect(all []*v1.Pod, now time.Time) {
	for _, p := range h.pods {
		p.runs = false
	}
	since := now.Add(-max(toldWithin, 3*h.options.Grid.Interval))
	for _, object := range all {
		if object.Spec.NodeName == "" || !ranSince(object, since) {
			continue
		}
		k := key{object.Namespace, object.Name}
		p := h.pods[k]
		if p == nil || p.Newest == 0 && p.object.UID != object.UID {
			p = newPod(0)
			h.pods[k] = p
		}
		if p.Newest == 0 {
			h.liken(p, object)
		}
		p.runs = p.object.UID == object.UID
	}
	for k, p := range h.pods {
		if p.Newest == 0 && !p.runs {
			delete(h.pods, k)
		}
	}
}

// ranSince says whether a container of the pod has run since then.
func ranSince(pod *v1.Pod, since time.Time) bool {
	if pod.Status.Phase != v1.PodRunning || pod.Status.StartTime == nil || pod.Status.StartTime.After(since) {
		return false
	}
	for i := range pod.Status.ContainerStatuses {
		if running := pod.Status.ContainerStatuses[i].State.Running; running != nil && !running.StartedAt.After(since) {
			return true
		}
	}
	return len(pod.Status.ContainerStatuses) == 0
}

// liken finds what is known of pods like one that is not measured. It makes nothing to be learned of.
func (h *Learned) liken(p *Pod, object *v1.Pod) {
	if p.object != object {
		p.object, p.Node = object, object.Spec.NodeName
		p.requested = forecast.RequestsOf(object).Counted
	}
	p.workload, p.class = nil, nil
	if w, ok := forecast.WorkloadOf(object); ok {
		p.workload = h.workloads[w]
	}
	if p.workload != nil {
		p.class = p.workload.class
	}
}

// Expected returns what the pod is expected to use where it runs and is not measured, and false where it is measured, or is not
// known to run.
func (p *Pod) Expected(r forecast.Resource, f *forecast.PodForecast) (use float64, unmeasured bool) {
	if !p.runs || !math.IsNaN(p.Use[r]) {
		return 0, false
	}
	return f.Peaks[forecast.Hour][r].Mean, true
}

// Untold says whether the pod is known to run, and nothing of it is measured.
func (p *Pod) Untold() bool { return p.runs && !p.Measured() }

// Measured says whether anything of the pod is.
func (p *Pod) Measured() bool {
	for _, v := range p.Use {
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}
