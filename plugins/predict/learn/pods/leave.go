// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"cmp"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/forget"
)

// leave takes the last word of a pod that is gone: one that ended by itself has shown its peak, however short it was.
func (h *Learned) leave(p *Pod) {
	if p.object == nil || p.object.Spec.RestartPolicy == v1.RestartPolicyAlways {
		return
	}
	for i := range p.peaks {
		if p.Newest-p.First < int64(forecast.Horizon(i).Duration()/time.Second) {
			h.complete(p, forecast.Horizon(i))
		}
	}
}

// complete hands over the peaks of a window.
func (h *Learned) complete(p *Pod, horizon forecast.Horizon) {
	half := [forecast.NumHorizons]time.Duration{hourHalf, dayHalf}[horizon]
	for r, v := range p.peaks[horizon] {
		if v < 0 {
			continue
		}
		v := float64(v)
		for _, u := range [...]*Use{p.workload, p.class} {
			if u != nil {
				u.Resources[r].Peaks[horizon].Add(p.Newest, v, half)
			}
		}
		if asked := p.requested[r]; asked > 0 {
			h.cluster.Resources[r].Peaks[horizon].Add(p.Newest, v/asked, half)
		}
	}
}

// evict keeps the bound on workloads and classes.
func (h *Learned) evict() {
	h.evicted += evictOldest(h.workloads, h.options.Most) + evictOldest(h.classes, h.options.Most)
}

// evictOldest drops those that were seen longest ago, and of those that were seen at once, those that were met last: where more
// are there than are remembered, the same ones stay.
func evictOldest[K comparable](all map[K]*Use, most int) (n uint64) {
	if len(all) <= most {
		return 0
	}
	forget.Oldest(all, len(all)-most, func(a, b *Use) int {
		return cmp.Or(cmp.Compare(a.Seen, b.Seen), cmp.Compare(b.First, a.First))
	}, func(u *Use) {
		u.evicted = true // for the pods that hold it
		n++
	})
	return n
}
