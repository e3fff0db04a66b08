// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"errors"
	"fmt"
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// mostMisses of a node are remembered, the newest.
const mostMisses = 6

// Account is how the forecasts of one node's hours came out. It is immutable; fields are exported to be saved.
type Account struct {
	// Within, Above and Below count hours by what was said of them when they began.
	Within, Above, Below [forecast.NumResources]uint32
	// Misses are the last hours that were not within, the oldest first.
	Misses []Miss
}

// Miss is an hour whose peak was not within what was said of it, in cores or bytes.
type Miss struct {
	// Begin of the hour, Unix seconds.
	Begin              int64
	Resource           forecast.Resource
	Lower, Upper, Came float32
}

// judged returns the account with one more hour of a resource, which began then and whose peak came to so much.
func (a *Account) judged(begin int64, r int, said forecast.Interval, came float64) *Account {
	next := Account{}
	if a != nil {
		next = *a
	}
	switch {
	case came > said.Upper:
		next.Above[r]++
	case came < said.Lower:
		next.Below[r]++
	default:
		next.Within[r]++
		return &next
	}
	kept := next.Misses[max(0, len(next.Misses)+1-mostMisses):]
	next.Misses = append(append(make([]Miss, 0, len(kept)+1), kept...),
		Miss{Begin: begin, Resource: forecast.Resource(r), Lower: float32(said.Lower), Upper: float32(said.Upper), Came: float32(came)})
	return &next
}

func (a *Account) validate() error {
	if a == nil {
		return nil
	}
	if len(a.Misses) > mostMisses {
		return fmt.Errorf("%d misses", len(a.Misses))
	}
	for i := range a.Misses {
		m := &a.Misses[i]
		if int(m.Resource) >= forecast.NumResources || m.Begin < 0 || m.Begin > math.MaxInt32*64 {
			return errors.New("a miss of no hour or resource")
		}
		for _, v := range [...]float32{m.Lower, m.Upper, m.Came} {
			if !(v >= 0 && v <= math.MaxFloat32) {
				return fmt.Errorf("a miss of %v", v)
			}
		}
	}
	return nil
}

// Accounts are how the forecasts of nodes came out, by node. Nobody writes to them. There are new ones each hour; nodes that were
// forgotten since are in them still.
func (h *Learned) Accounts() map[string]*Account { return h.accounts }

func (h *Learned) account() {
	h.accounts = make(map[string]*Account, len(h.nodes))
	for name, n := range h.nodes {
		if n.Account != nil {
			h.accounts[name] = n.Account
		}
	}
}

// Outlook is what a node was measured to use, in cores and bytes, and the upper bounds of what it is predicted to use at most.
type Outlook struct {
	Node string
	// Used by resource; NaN is not known.
	Used forecast.Amounts
	// Upper by horizon and resource; NaN where nothing is known of the node.
	Upper [forecast.NumHorizons]forecast.Amounts
}

// Outlooks are those of the nodes in the contents that Publish made, in no order.
func (h *Learned) Outlooks(c *forecast.Contents) []Outlook {
	all := make([]Outlook, 0, len(c.Forecasts))
	for name, f := range c.Forecasts {
		o := Outlook{Node: name, Used: forecast.Amounts{math.NaN(), math.NaN()}}
		if used, ok := c.Usage[name]; ok {
			o.Used = forecast.Amounts{forecast.CPU: used.CPU.Latest, forecast.Memory: used.Memory.Latest}
		}
		n := h.nodes[name]
		for horizon := range o.Upper {
			for r := range o.Upper[horizon] {
				o.Upper[horizon][r] = math.NaN()
				if f.Rung != forecast.Blind && !f.Lacks[r] {
					o.Upper[horizon][r] = forecast.PeakWith(f.Residual[horizon][r], n.load[horizon][r], forecast.Peak{}, h.combiners[horizon][r]).Upper
				}
			}
		}
		all = append(all, o)
	}
	return all
}
