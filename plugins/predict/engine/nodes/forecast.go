// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict"
)

const (
	// staleUntil is the age at which the hour of the week says more than the newest sample.
	staleUntil = time.Hour
	// leastWidth of an interval that is widened, as a share of the machine.
	leastWidth = .05
)

// forecast finds the node's residual as of its newest sample.
func (n *Node) forecast() {
	for h := range n.residual {
		for r := range n.residual[h] {
			n.residual[h][r] = n.Resources[r].Own.interval()
		}
	}
}

// calibrate replaces the residuals for which the whole node is forecast.
func (h *History) calibrate(n *Node) {
	for horizon := range n.residual {
		for r := range n.residual[horizon] {
			d := &n.direct[horizon][r]
			if !d.known {
				continue
			}
			// Until the next one is made, the node's forecast holds all members: those that have gone since are taken off it
			// too, and no longer added. Pods that came since then are not in it, and add to it.
			settled := &n.settled[horizon][r]
			n.residual[horizon][r] = predict.Interval{
				Lower: d.Lower - settled.Sure,
				Upper: d.Upper - h.combiners[horizon][r].Peak(settled.Load),
			}
		}
	}
}

// Publish puts the forecasts of nodes as of now into c, and how peaks add up.
func (h *History) Publish(now time.Time, c *predict.Contents) {
	c.Forecasts = make(map[string]predict.NodeForecast, len(h.nodes))
	for name, n := range h.nodes {
		h.calibrate(n)
		c.Forecasts[name] = h.aged(n, now)
	}
	c.Combiners = h.combiners
}

// aged is the node's forecast on the rung that its age leaves.
func (h *History) aged(n *Node, now time.Time) predict.NodeForecast {
	age := max(0, now.Sub(time.Unix(n.Newest, 0)))
	if n.Resources[predict.CPU].Own.Samples < enough && n.Resources[predict.Memory].Own.Samples < enough {
		return predict.NodeForecast{Age: age}
	}
	f := predict.NodeForecast{Residual: n.residual, Rung: predict.Fresh, Age: age}
	for r := range f.Beyond {
		own := &n.Resources[r].Own
		f.Beyond[r] = predict.Use{Mean: own.Mean, Variance: own.Variance}
	}
	if age <= h.options.Expiry {
		return f
	}
	f.Rung = predict.Stale
	size := n.size()
	widen := func(in predict.Interval, r int, by float64) predict.Interval {
		wide := by * max(in.Upper-in.Lower, leastWidth*size[r])
		return predict.Interval{Lower: in.Lower - wide, Upper: in.Upper + wide}
	}
	for horizon := range f.Residual {
		for r := range f.Residual[horizon] {
			f.Residual[horizon][r] = widen(f.Residual[horizon][r], r, float64(age)/float64(staleUntil))
		}
	}
	if age <= staleUntil {
		return f
	}

	// The hours of the week that are ahead.
	begin := h.options.Grid.Hour(now.Unix())
	for horizon := range f.Residual {
		for r := range f.Residual[horizon] {
			own := &n.Resources[r].Own
			low, high, known := 0.0, 0.0, false
			for i := range predict.Horizon(horizon).Hours() {
				if v := float64(own.Profile[hourOfWeek(begin+int64(i))]); v >= 0 {
					if !known || v < low {
						low = v
					}
					high, known = max(high, v), true
				}
			}
			if !known {
				return predict.NodeForecast{Age: age}
			}
			spread := own.interval()
			half := (spread.Upper - spread.Lower) / 2
			f.Residual[horizon][r] = widen(predict.Interval{Lower: low - half, Upper: high + half}, r, 1)
		}
	}
	f.Rung = predict.Profile
	return f
}

// Rungs counts the nodes of a snapshot's contents that are on each rung, and returns the age of the oldest newest sample there.
func Rungs(c *predict.Contents) (count [predict.NumNodeRungs]int, oldest [predict.NumNodeRungs]time.Duration) {
	for _, f := range c.Forecasts {
		count[f.Rung]++
		oldest[f.Rung] = max(oldest[f.Rung], f.Age)
	}
	return count, oldest
}
