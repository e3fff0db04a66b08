// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replay places the pods of a world with the real scheduler, in one process and in virtual time, and measures what
// becomes of the nodes.
//
// Upstream's scheduler, queue and cache run as they are, with our plugins, the engine and the node index. In place of an API
// server there are informers that are told by hand (informer.go), and in place of the time there is a clock that is set
// (driver.go). Use is measured each five minutes and handed to the engine, which learns and publishes before anything else
// happens. Nothing in a world depends on who was placed where.
package replay

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Options of a run.
type Options struct {
	// From is when what is measured begins to count.
	From time.Duration
	// Cold has stock place all pods until From; then the configuration takes over, with an engine that knows nothing.
	Cold bool
	// Onlooker decides about each pod that the configuration places, as if it were its own; nil is nobody.
	Onlooker *Config
	// Draw is the number of the run. Nodes that score the same are drawn among by the world's seed and it, so a run can be repeated.
	Draw uint64
	// Progress is called with how much of the run is over, 0–1; nil is nobody to tell.
	Progress func(done float64)
}

const (
	hourSteps = int(time.Hour / world.Step)
	daySteps  = 24 * hourSteps
)

// run is a world that is being played.
type run struct {
	world   *world.World
	options Options
	driver  *driver
	index   map[string]int // of nodes by name
	byKey   map[string]int // of pods that are there, by namespace/name
	nodes   []node
	pods    []pod
	now     time.Duration
	measure meter
	looks   *onlooker
	moves   *mover
}

// node is what a replay knows of a node.
type node struct {
	cores, bytes float64
	pods         []int
	requested    forecast.Amounts
	// future is the CPU that the pods on it will use in each step of the world, for as long as they stay.
	future []float32
	// repeated is what the pods on it would use in each step of the world, were each to stay and to do what it did a day before.
	repeated []float32
	// measured CPU of the last hour's steps, and what pods that are not measured yet request.
	measured [hourSteps]float64
	unseen   float64
	// removed says that an autoscaler has taken it away, as it was emptied.
	removed bool
}

type pod struct {
	object *v1.Pod // as the scheduler knows it; nil before it comes and once it is gone
	node   int     // -1 is none
}

// event of a world: what ends goes first, then what is measured, then what comes.
type event struct {
	at   time.Duration
	kind int
	pod  int
}

const (
	ends = iota
	measures
	comes
)

// Run plays the world with one configuration.
func Run(ctx context.Context, w *world.World, c *Config, o Options) (*Outcome, error) {
	r := &run{world: w, options: o, index: map[string]int{}, byKey: map[string]int{}, pods: make([]pod, len(w.Pods))}
	for i, n := range w.Nodes {
		cores, bytes := world.Capacity(n)
		r.index[n.Name] = i
		r.nodes = append(r.nodes, node{cores: cores, bytes: bytes, future: make([]float32, w.Steps), repeated: make([]float32, w.Steps)})
	}
	r.measure.init(r)
	first := c
	if o.Cold {
		var err error
		if first, err = BuiltInConfig(Stock); err != nil {
			return nil, err
		}
	}
	if err := r.drive(ctx, first); err != nil {
		return nil, err
	}
	defer func() { r.driver.end() }()

	events := r.events()
	for i, e := range events {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.now = e.at
		r.driver.clock.now = w.Begin.Add(e.at)
		var err error
		switch e.kind {
		case ends:
			err = r.ends(e.pod)
		case comes:
			err = r.comes(e.pod)
		case measures:
			if o.Cold && e.at == o.From {
				r.driver.end()
				if err := r.drive(ctx, c); err != nil {
					return nil, err
				}
			}
			err = r.measures(ctx, world.Index(e.at))
		}
		if err != nil {
			return nil, fmt.Errorf("%s, after %v: %w", c.Name, e.at, err)
		}
		if o.Progress != nil && i%256 == 0 {
			o.Progress(float64(i) / float64(len(events)))
		}
	}
	for i := range r.pods {
		if r.pods[i].object != nil && r.pods[i].node < 0 {
			r.measure.Unplaced++
		}
	}
	out := r.measure.outcome(w, c, &o)
	if r.looks != nil {
		out.Shadow = r.looks.ledger.Report(r.driver.clock.now, 0)
	}
	if r.moves != nil {
		out.Moved = r.moves.outcome()
	}
	return out, nil
}

func (r *run) events() []event {
	var all []event
	for i := range r.world.Pods {
		p := &r.world.Pods[i]
		if length := time.Duration(r.world.Steps) * world.Step; p.Start < length {
			all = append(all, event{p.Start, comes, i})
			if p.End < length {
				all = append(all, event{p.End, ends, i})
			}
		}
	}
	for k := range r.world.Steps {
		all = append(all, event{time.Duration(k) * world.Step, measures, 0})
	}
	slices.SortStableFunc(all, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.pod, b.pod))
	})
	return all
}

// drive hands the cluster as it is to the scheduler of a configuration.
func (r *run) drive(ctx context.Context, c *Config) error {
	d, err := newDriver(ctx, r.world, c, r.options.Draw, r.world.Begin.Add(r.now), r.peers())
	if err != nil {
		return err
	}
	r.driver = d
	if r.moves, err = r.newMover(c); err != nil {
		return err
	}
	if r.options.Onlooker != nil {
		if r.looks, err = newOnlooker(r.world, r.options.Onlooker, d, r.options.Draw); err != nil {
			return err
		}
	}
	for i := range r.pods {
		p := &r.pods[i]
		if p.object == nil {
			continue
		}
		if p.node < 0 {
			p.object = r.created(i)
		}
		if err := d.pods.add(p.object); err != nil {
			return err
		}
	}
	return nil
}

// measures ends a step and begins another one.
func (r *run) measures(ctx context.Context, k int) error {
	d := r.driver
	if k > 0 {
		reading := r.reading(k - 1)
		if d.step != nil {
			if err := d.step.Step(ctx, reading); err != nil {
				return err
			}
		}
		if r.moves != nil {
			if err := r.moves.measured(ctx, func() usage.Reading { return r.reading(k - 1) }); err != nil {
				return err
			}
		}
		if r.looks != nil {
			if err := r.looks.measured(ctx, r.reading(k-1), r.now > r.options.From); err != nil {
				return err
			}
		}
	}
	d.retry()
	if err := d.schedule(r.bound); err != nil {
		return err
	}
	if r.moves != nil {
		if err := r.moves.act(ctx); err != nil {
			return err
		}
	}
	if r.now >= r.options.From {
		r.measure.step(r, k)
	}
	return nil
}

// reading is what is measured of the pods that are there over a step that is over. A node cannot use more than it has: its pods
// then share what there is.
func (r *run) reading(k int) usage.Reading {
	now := r.driver.clock.now
	out := usage.Reading{Start: now, End: now}
	for i := range r.nodes {
		n := &r.nodes[i]
		if n.removed {
			continue
		}
		cpu, memory := r.demand(n, k)
		s := usage.NodeSample{Node: r.world.Nodes[i].Name, Sample: usage.Sample{Time: now, Window: world.Step}}
		s.Set(usage.CPU, min(cpu, n.cores))
		s.Set(usage.Memory, min(memory, n.bytes))
		out.Nodes = append(out.Nodes, s)
		n.measured[k%hourSteps], n.unseen = min(cpu, n.cores), 0
		getCPU, getMemory := min(1, n.cores/cpu), min(1, n.bytes/memory) // +Inf of an empty node counts as 1
		for _, j := range n.pods {
			object, w := r.pods[j].object, &r.world.Pods[j]
			p := usage.PodSample{
				Namespace: object.Namespace, Name: object.Name, UID: string(object.UID), Node: s.Node,
				Sample: usage.Sample{Time: now, Window: world.Step},
			}
			p.Set(usage.CPU, float64(w.CPU[k])*getCPU)
			p.Set(usage.Memory, float64(w.Memory[k])*getMemory)
			out.Pods = append(out.Pods, p)
		}
	}
	return out
}

// demand is what the pods of a node would use in a step.
func (r *run) demand(n *node, k int) (cpu, memory float64) {
	for _, i := range n.pods {
		w := &r.world.Pods[i]
		cpu, memory = cpu+float64(w.CPU[k]), memory+float64(w.Memory[k])
	}
	return cpu, memory
}

func key(namespace, name string) string { return namespace + "/" + name }

// finite keeps a mean of nothing out of JSON.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
