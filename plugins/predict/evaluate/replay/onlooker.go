// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// onlooker decides about the pods that a driver's scheduler places, as the onlooker of the scheduler's binary does.
type onlooker struct {
	driver    *driver
	engine    *learn.Engine
	step      *learn.Stepper
	evaluator *evaluate.Evaluator
	ledger    *shadow.Ledger
	draw      *rand.Rand
}

// newOnlooker returns a configuration that looks on.
func newOnlooker(w *world.World, c *Config, d *driver, draw uint64) (*onlooker, error) {
	args, err := c.prediction()
	if err != nil {
		return nil, err
	}
	if args == nil {
		return nil, errors.New("a configuration without forecasts has nothing to look on with")
	}
	o := &onlooker{driver: d, draw: rand.New(rand.NewPCG(w.Seed, draw))}
	o.engine, o.step = newEngine(w, args, d, false)
	// The plugins that look on are asked as a profile of the scheduler that places pods: they share its nodes.
	profile := c.Kube.Profiles[0].DeepCopy()
	profile.SchedulerName = d.name
	next := d.sched.NextEntity
	o.evaluator, err = evaluate.New(d.ctx, d.sched, []kubeschedulerconfig.KubeSchedulerProfile{*profile}, evaluate.Options{
		Candidates: 1, Read: o.engine.Reader(), Registry: plugins.Registry(plugins.Options{Engine: o.engine, Uncounted: true}),
	})
	if err != nil {
		return nil, err
	}
	// All happens in one goroutine, which waits for no turn.
	d.sched.NextEntity = next
	machines := machinesOf(w)
	o.ledger = shadow.NewLedger(shadow.Options{
		Decisions: len(w.Pods) + 1, MaxBytes: 1 << 40, Horizons: []time.Duration{time.Duration(w.Steps) * world.Step}, Gap: 2 * world.Step,
		Machines: machines, Pod: d.pod,
	}, d.clock.now)
	return o, nil
}

// placed decides about a pod that is about to be placed.
func (o *onlooker) placed(ctx context.Context, pod *v1.Pod, node string) error {
	on := *pod
	on.Spec.NodeName = node
	ask := evaluate.Placement{Pod: &on, Profile: o.driver.name, Draw: o.draw.IntN}
	p, err := o.evaluator.Place(ctx, ask)
	if err != nil {
		return err
	}
	moved := o.ledger.Moved()
	slices.SortFunc(moved, func(a, b shadow.Moved) int { return cmp.Compare(a.Pod.UID, b.Pod.UID) }) // so that a run can be repeated
	for _, m := range moved {
		ask.Moved = append(ask.Moved, evaluate.Moved(m))
	}
	together, err := o.evaluator.Place(ctx, ask)
	if err != nil {
		return err
	}
	o.ledger.Add(&on, o.driver.clock.now, 0, 0, p, together.Node)
	return nil
}

// measured follows decisions, where the time counts, and learns. The reading becomes its own.
func (o *onlooker) measured(ctx context.Context, r usage.Reading, counts bool) error {
	if counts {
		o.ledger.Follow(&r)
	}
	return o.step.Step(ctx, r)
}
