// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// recentHalf is of the weight of what a pod used lately.
const recentHalf = time.Hour

// moments are what one pod was measured at: decayed, 16 bytes for each resource. Recent is the mean of the last hour or so.
type moments struct{ mean, variance, samples, recent float32 }

// add takes a sample that came so long after the last one. After half, a sample counts half.
func (m *moments) add(v float64, seconds int64, half time.Duration) {
	m.samples++
	weightOf := func(half time.Duration) float64 {
		return max(1/float64(m.samples), 1-math.Exp2(-float64(seconds)/half.Seconds()))
	}
	m.recent += float32(weightOf(recentHalf) * (v - float64(m.recent)))
	weight := weightOf(half)
	d := v - float64(m.mean)
	m.mean += float32(weight * d)
	m.variance = float32((1 - weight) * (float64(m.variance) + weight*d*d))
}

// use is what the pod is expected to use. Of CPU that is half what it did lately, and half what it does usually: a burst lasts for a while.
// Memory moves little, and counting what it did lately twice brought nothing in replays.
func (m *moments) use(r forecast.Resource) forecast.Use {
	u := forecast.Use{Mean: float64(m.mean), Variance: float64(m.variance)}
	if r == forecast.CPU {
		u.Mean = (u.Mean + float64(m.recent)) / 2
	}
	return u
}

// measured returns what the pod was measured at; false where too little is known of any resource.
func (p *Pod) measured() (m forecast.Measured, ok bool) {
	for r := range p.own {
		own := &p.own[r]
		if own.samples < early {
			return m, false
		}
		m.Use[r] = own.use(forecast.Resource(r))
	}
	m.For = time.Duration(p.Newest-p.First) * time.Second
	m.Ahead = p.ahead()
	return m, true
}

// publishOwn puts what pods were measured at into c, about 100 bytes for each.
func (h *Learned) publishOwn(c *forecast.Contents) {
	if h.options.Ahead {
		c.Mixture = h.mixture.Copy()
	}
	c.Measured = make(map[types.UID]forecast.Measured, len(h.pods))
	for _, p := range h.pods {
		if m, ok := p.measured(); ok && p.object != nil {
			c.Measured[p.object.UID] = m
		}
	}
}
