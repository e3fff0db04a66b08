// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodes learns what nodes use: beyond their pods, and in whole. It forecasts a node's residual, which is what
// the node will use beyond what its pods' forecasts add up to.
//
// The residual is at first what the node was seen to use beyond its pods, with its deviation: the system's use. When
// enough hours are over, a peak.Model is trained, in a goroutine of its own, on what nodes came to; then the residual
// is the model's forecast of the whole node less what the forecasts of its pods add up to.
package nodes

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/pods"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Options of what is learned.
type Options struct {
	// Tau is the share of node hours, or days, that stay below the upper bound.
	Tau float64
	// Expiry is the age at which a node's newest sample no longer counts as fresh.
	Expiry time.Duration
	// Grid of the nodes' series.
	Grid history.Grid
}

// Learned is what is learned of a cluster's nodes, and how. It is not safe for concurrent use, but for what says so.
type Learned struct {
	options  Options
	machines usage.Machines
	nodes    map[string]*Node
	hour     int64 // that is open; 0 before the first reading
	learning
	realised Realised
	accounts map[string]*Account
}

// Node is what is known of one node.
type Node struct {
	// Newest sample of anything, Unix seconds.
	Newest int64
	// Hours that are over since the first sample.
	Hours     int
	Resources [forecast.NumResources]Resource
	// Account of its forecasts; nil before an hour was judged.
	Account *Account

	name     string
	machine  usage.Machine
	pods     int // with samples in the newest reading
	arrivals int // pods that were first seen, since the process began
	measured [forecast.NumResources]float64
	ofPods   [forecast.NumResources]float64
	// expected use of pods that run and are not measured, what of it is sure, and what they use at any moment.
	expected, sure, usual forecast.Amounts
	gap                   [forecast.NumResources]gap
	// told and untold pods: those that run and were measured, or not.
	told, untold int
	// gone is since when there is no such node, Unix seconds; 0 while there is.
	gone int64
	// load of the pods there are.
	load forecast.NodeLoad
	// members are the pods that were there when the open hour began, also those that have gone since.
	members []*pods.Pod
	// direct forecasts of the whole node, made of its members when the open hour began.
	direct [forecast.NumHorizons][forecast.NumResources]direct
	// predicted is what was said of the open hour when it began.
	predicted [forecast.NumResources]forecast.Interval
	residual  [forecast.NumHorizons][forecast.NumResources]forecast.Interval
}

// Resource is one resource of one node, in cores or bytes.
type Resource struct {
	// Newest sample that measured it, Unix seconds.
	Newest int64
	// Whole is the past of the node's use.
	Whole *history.Series
	// Own is what the node uses beyond its pods.
	Own Own
	// Peak of the open hour; negative before its first sample.
	Peak float64
}

// Own is use beyond that of pods: decayed moments, and a profile of the hours of the week.
type Own struct {
	Mean, Variance float64
	Samples        float64
	Profile        profile
}

type direct struct {
	peak.Interval
	known bool
}

const (
	ownHalf     = 6 * time.Hour
	profileHalf = 3 // weeks, roughly: an hour of the week counts for a fifth of its mean
	// enough samples of a node make a forecast.
	enough = 3
	// silentAfter is when a node without samples is forgotten: then its hours of the week are too.
	silentAfter = 28 * 24 * time.Hour
	// rebootsWithin is for how long a node is remembered that is not there any more, since one that reboots may be registered
	// anew. Of clusters whose nodes come and go, mostGone bounds how many those are, as a share of those that are there.
	rebootsWithin = 15 * time.Minute
	mostGone      = 1. / 3
	fewGone       = 3 // nodes may be remembered in any case
)

// New returns an empty history. machines may be nil.
func New(o Options, machines usage.Machines) *Learned {
	if machines == nil {
		machines = func(string) (usage.Machine, bool) { return usage.Machine{}, false }
	}
	h := &Learned{options: o, machines: machines, nodes: map[string]*Node{}}
	h.learning.init()
	return h
}

// Add learns from a clean reading, whose pods p has learned from already.
func (h *Learned) Add(r usage.Reading, p *pods.Learned, s *forecast.Snapshot) {
	now := r.End.Unix()
	if hour := h.options.Grid.Hour(now); hour != h.hour {
		if h.hour != 0 && hour > h.hour {
			h.turn(hour, p, s)
		}
		h.hour = hour
	}

	// 1. What nodes used, in whole, and how large they are now.
	for name, n := range h.nodes {
		h.resize(name, n)
		n.measured, n.ofPods = [...]float64{math.NaN(), math.NaN()}, [forecast.NumResources]float64{}
		n.expected, n.sure, n.usual, n.told, n.untold = forecast.Amounts{}, forecast.Amounts{}, forecast.Amounts{}, 0, 0
	}
	for i := range r.Nodes {
		sample := &r.Nodes[i]
		n := h.nodes[sample.Node]
		if n == nil {
			n = h.meet(sample.Node)
		}
		n.Newest = sample.Time.Unix()
		for i, q := range [forecast.NumResources]usage.Quantity{usage.CPU, usage.Memory} {
			v, ok := sample.Get(q)
			if !ok {
				continue
			}
			n.measured[i], n.Resources[i].Newest = v, n.Newest
			n.Resources[i].Whole.Observe(n.Newest, v)
			n.Resources[i].Peak = max(n.Resources[i].Peak, v)
		}
	}

	// 2. What of it their pods used.
	h.addPods(p, s, func(n *Node, pod *pods.Pod, f *forecast.PodForecast) {
		for i, v := range pod.Use {
			if v >= 0 {
				n.ofPods[i] += v
			} else if use, unmeasured := pod.Expected(forecast.Resource(i), f); unmeasured {
				n.expected[i] += use
				n.sure[i] += min(use, f.Peaks[forecast.Hour][i].Lower)
				n.usual[i] += f.Use[i].Mean
			}
		}
		switch {
		case pod.Measured():
			n.told++
		case pod.Untold():
			n.untold++
		}
		if pod.New() {
			n.arrivals++
		}
	})
	for _, n := range h.nodes {
		var settled forecast.NodeLoad
		for _, pod := range n.members {
			f := pod.Forecast(s)
			settled.Add(&f)
		}
		for i := range n.Resources {
			v := n.measured[i]
			if !(v >= 0) {
				continue
			}
			own, beyond := &n.Resources[i].Own, v-n.ofPods[i]-n.expected[i]
			n.gap[i].add(beyond, n.expected[i] > 0, h.options.Grid)
			if beyond < 0 && n.expected[i] > 0 && own.Samples > 0 {
				beyond = own.Mean // Pods use less than expected: that says nothing of the system.
			}
			own.add(n.Newest, max(0, beyond), h.options.Grid)
		}
		n.forecast()
		h.calibrate(n, &settled)
	}
}

// Forget drops nodes that are silent or gone. exists says which nodes there are; nil is not known.
func (h *Learned) Forget(now time.Time, exists func(node string) bool) {
	var gone []*Node
	for name, n := range h.nodes {
		if exists == nil || exists(name) {
			n.gone = 0
		} else if n.gone == 0 {
			n.gone = now.Unix()
		}
		if now.Unix()-n.Newest > int64(silentAfter/time.Second) || n.gone != 0 && now.Unix()-n.gone > int64(rebootsWithin/time.Second) {
			delete(h.nodes, name)
		} else if n.gone != 0 {
			gone = append(gone, n)
		}
	}
	most := max(fewGone, int(mostGone*float64(len(h.nodes)-len(gone))))
	if len(gone) <= most {
		return
	}
	// Those that went first, and of those that went at once, those that were watched least.
	slices.SortFunc(gone, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(b.gone, a.gone), cmp.Compare(b.Hours, a.Hours), cmp.Compare(a.name, b.name))
	})
	for _, n := range gone[most:] {
		delete(h.nodes, n.name)
	}
}

// addPods adds the forecasts of pods up per node.
func (h *Learned) addPods(p *pods.Learned, s *forecast.Snapshot, each func(*Node, *pods.Pod, *forecast.PodForecast)) {
	for _, n := range h.nodes {
		n.pods, n.load = 0, forecast.NodeLoad{}
	}
	for pod := range p.Pods() {
		n := h.nodes[pod.Node]
		if n == nil {
			continue
		}
		f := pod.Forecast(s)
		n.load.Add(&f)
		n.pods++
		each(n, pod, &f)
	}
}

func (h *Learned) meet(name string) *Node {
	n := &Node{name: name}
	n.machine, _ = h.machines(name)
	for i, scale := range n.size() {
		n.Resources[i] = Resource{Whole: history.NewSeries(h.options.Grid, scale), Peak: -1}
	}
	h.nodes[name] = n
	return n
}

// size of the node; 0 is not known.
func (n *Node) size() forecast.Amounts { return forecast.Amounts{n.machine.Cores, n.machine.Bytes} }

// resize takes notice of the size that the node has now. What was used stays what it was, in cores and bytes; what is said of the
// open hour is said anew.
func (h *Learned) resize(name string, n *Node) {
	machine, ok := h.machines(name)
	if !ok || machine == n.machine {
		return
	}
	n.machine = machine
	n.predicted = [forecast.NumResources]forecast.Interval{} // was said of another machine
	for r, size := range n.size() {
		n.Resources[r].Whole.Rescale(size)
		for horizon := range n.direct {
			if !n.direct[horizon][r].known {
				continue
			}
			n.direct[horizon][r] = direct{}
			if model := h.models[horizon][r].Load(); model != nil && size > 0 {
				h.forecastWhole(n, horizon, r, model, h.decide(name, n, horizon, r, h.hour))
			}
		}
	}
}

func (o *Own) add(unix int64, v float64, grid history.Grid) {
	o.Samples++
	keep := math.Exp2(-grid.Interval.Seconds() / ownHalf.Seconds())
	weight := max(1/o.Samples, 1-keep)
	d := v - o.Mean
	o.Mean += weight * d
	o.Variance = (1 - weight) * (o.Variance + weight*d*d)
	// An hour comes once a week, with this many samples.
	perHour := max(1, time.Hour.Seconds()/grid.Interval.Seconds())
	o.Profile.add(grid.Hour(unix), v, 1/(profileHalf*perHour))
}

// interval of use beyond the pods': the mean and two deviations.
func (o *Own) interval() forecast.Interval {
	wide := 2 * math.Sqrt(o.Variance)
	return forecast.Interval{Lower: max(0, o.Mean-wide), Upper: o.Mean + wide}
}
