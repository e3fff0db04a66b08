// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const (
	// staleUntil is the age at which the hour of the week says more than the newest sample.
	staleUntil = time.Hour
	// leastWidth of an interval that is widened, as a share of the machine.
	leastWidth = .05
)

// forecast finds the node's residual as of its newest sample.
func (n *Node) forecast() {
	for r := range forecast.NumResources {
		beyond := n.beyond(r)
		for h := range n.residual {
			n.residual[h][r] = beyond
		}
	}
}

// calibrate replaces the residuals for which the whole node is forecast. settled is the load of its members.
func (h *Learned) calibrate(n *Node, settled *forecast.NodeLoad) {
	for horizon := range n.residual {
		for r := range n.residual[horizon] {
			d := &n.direct[horizon][r]
			if !d.known {
				continue
			}
			// Until the next one is made, the node's forecast holds all members: those that have gone since are taken off it
			// too, and no longer added. Pods that came since then are not in it, and add to it.
			of := &settled[horizon][r]
			n.residual[horizon][r] = forecast.Interval{
				Lower: d.Lower - of.Sure,
				Upper: d.Upper - h.combiners[horizon][r].Peak(of.Load),
			}
		}
	}
}

// Publish puts the forecasts of the nodes that there are, as of now, into c, and how peaks add up. It returns where they come
// from.
func (h *Learned) Publish(now time.Time, c *forecast.Contents) Standing {
	c.Forecasts = make(map[string]forecast.NodeForecast, len(h.nodes))
	var st Standing
	for name, n := range h.nodes {
		if n.gone != 0 {
			continue
		}
		f, stands := h.aged(n, now)
		st.add(n, &stands)
		c.Forecasts[name] = f
	}
	c.Combiners = h.combiners
	return st
}

// stand is the rung of a resource, and the age of its newest sample; 0 is none.
type stand struct {
	rung forecast.NodeRung
	age  time.Duration
}

// aged is the node's forecast on the rungs that the ages of its samples leave.
func (h *Learned) aged(n *Node, now time.Time) (f forecast.NodeForecast, stands [forecast.NumResources]stand) {
	best := 0
	for r := range stands {
		var residual [forecast.NumHorizons]forecast.Interval
		residual, stands[r] = h.agedOf(n, r, now)
		for horizon := range residual {
			f.Residual[horizon][r] = residual[horizon]
		}
		if f.Lacks[r] = stands[r].rung == forecast.Blind; !f.Lacks[r] {
			f.Beyond[r] = n.use(r)
		}
		if s, b := stands[r], stands[best]; s.rung > b.rung || s.rung == b.rung && s.age < b.age {
			best = r
		}
	}
	f.Rung, f.Age = stands[best].rung, stands[best].age
	if f.Rung == forecast.Blind {
		f.Lacks = forecast.Set{}
	}
	return f, stands
}

// agedOf is the residual of one resource. Of a blind one it is 0.
func (h *Learned) agedOf(n *Node, r int, now time.Time) (residual [forecast.NumHorizons]forecast.Interval, s stand) {
	resource := &n.Resources[r]
	if resource.Newest == 0 {
		return residual, s
	}
	s.age = max(0, now.Sub(time.Unix(resource.Newest, 0)))
	if resource.Own.Samples < enough {
		return residual, s
	}
	for horizon := range residual {
		residual[horizon] = n.residual[horizon][r]
	}
	if s.age <= h.options.Expiry {
		s.rung = forecast.Fresh
		return residual, s
	}
	size := n.size()[r]
	widen := func(in forecast.Interval, by float64) forecast.Interval {
		wide := by * max(in.Upper-in.Lower, leastWidth*size)
		return forecast.Interval{Lower: in.Lower - wide, Upper: in.Upper + wide}
	}
	for horizon := range residual {
		residual[horizon] = widen(residual[horizon], float64(s.age)/float64(staleUntil))
	}
	if s.age <= staleUntil {
		s.rung = forecast.Stale
		return residual, s
	}

	// The hours of the week that are ahead.
	begin := h.options.Grid.Hour(now.Unix())
	own := &resource.Own
	for horizon := range residual {
		low, high, known := 0.0, 0.0, false
		for i := range forecast.Horizon(horizon).Hours() {
			if v := float64(own.Profile.of(begin + int64(i))); v >= 0 {
				if !known || v < low {
					low = v
				}
				high, known = max(high, v), true
			}
		}
		if !known {
			return [forecast.NumHorizons]forecast.Interval{}, s
		}
		spread := own.interval()
		half := (spread.Upper - spread.Lower) / 2
		residual[horizon] = widen(forecast.Interval{Lower: low - half, Upper: high + half}, 1)
	}
	s.rung = forecast.Profile
	return residual, s
}

// Standing is where the forecasts of the nodes that there are come from.
type Standing struct {
	// Nodes on each rung, by the resource of each that is known least, and the age of its newest sample, the oldest of the nodes
	// there.
	Nodes [forecast.NumNodeRungs]int
	Ages  [forecast.NumNodeRungs]time.Duration
	// Resources of nodes on each rung.
	Resources [forecast.NumResources][forecast.NumNodeRungs]int
	// Untold counts the pods that run on nodes that are measured and are not themselves, and Mute the nodes of which no pod is
	// measured though some run there.
	Untold, Mute int
}

func (s *Standing) add(n *Node, stands *[forecast.NumResources]stand) {
	worst := stands[0]
	for r, each := range stands {
		s.Resources[r][each.rung]++
		if each.rung < worst.rung || each.rung == worst.rung && each.age > worst.age {
			worst = each
		}
	}
	s.Nodes[worst.rung]++
	s.Ages[worst.rung] = max(s.Ages[worst.rung], worst.age)
	if s.Untold += n.untold; n.untold > 0 && n.told == 0 {
		s.Mute++
	}
}
