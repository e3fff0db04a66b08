// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// driver is a scheduler, with the engine that its configuration asks for, in a cluster that it is told of by hand.
type driver struct {
	clock  *virtual
	api    *api
	sched  *scheduler.Scheduler
	nodes  *informer
	pods   *informer
	name   string // of the profile that pods ask for
	engine *learn.Engine
	step   *learn.Stepper
	failed chan error
	end    context.CancelFunc
	ctx    context.Context
}

// newDriver returns the scheduler of a configuration in the empty cluster of a world. peers are plugins that only replays have.
func newDriver(ctx context.Context, w *world.World, c *Config, draw uint64, now time.Time, peers frameworkruntime.Registry) (*driver, error) {
	ctx, end := context.WithCancel(klog.NewContext(ctx, logr.Discard()))
	d := &driver{clock: &virtual{now: now}, api: newAPI(), name: c.Kube.Profiles[0].SchedulerName, failed: make(chan error, 1), end: end, ctx: ctx}
	if err := d.start(w, c, draw, peers); err != nil {
		end()
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return d, nil
}

func (d *driver) start(w *world.World, c *Config, draw uint64, peers frameworkruntime.Registry) error {
	args, err := c.prediction()
	if err != nil {
		return err
	}
	factory, nodes, pods, services, sets := newFactory(d.api)
	d.nodes, d.pods = nodes, pods
	if args != nil {
		d.engine, d.step = newEngine(w, args, d, c.Mover == Rebalance)
	}
	judges := &judge.Plugins{}
	registry := plugins.Registry(plugins.Options{Engine: d.engine, Judges: judges})
	if err := registry.Merge(peers); err != nil {
		return err
	}
	d.sched, err = scheduler.New(d.ctx, d.api, factory, nil,
		func(string) events.EventRecorderLogger { return silent{} },
		scheduler.WithProfiles(c.Kube.Profiles...),
		scheduler.WithPercentageOfNodesToScore(c.Kube.PercentageOfNodesToScore),
		scheduler.WithFrameworkOutOfTreeRegistry(registry),
		scheduler.WithClock(d.clock),
		// One worker: nodes are looked at in one order, and a run can be repeated.
		scheduler.WithParallelism(1),
	)
	if err != nil {
		return err
	}
	fail := d.sched.FailureHandler
	d.sched.FailureHandler = func(ctx context.Context, f framework.Framework, p *framework.QueuedPodInfo, status *fwk.Status, n *fwk.NominatingInfo, start time.Time) {
		fail(ctx, f, p, status, n, start)
		if status.Code() == fwk.Error {
			d.failed <- fmt.Errorf("pod %s/%s: %w", p.Pod.Namespace, p.Pod.Name, status.AsError())
			return
		}
		d.failed <- nil
	}
	if err := nodeindex.Install(d.sched, c.Kube.Profiles, factory, nodeindex.Options{Judges: judges, Seed: 1 + w.Seed + draw<<32}); c.indexed() && err != nil {
		return err
	}
	for _, n := range w.Nodes {
		if err := nodes.add(n); err != nil {
			return err
		}
	}
	for _, s := range w.Services {
		if err := services.add(s); err != nil {
			return err
		}
	}
	for _, s := range w.ReplicaSets {
		if err := sets.add(s); err != nil {
			return err
		}
	}
	return nil
}

// newEngine returns an engine that learns of a driver's pods, and what drives it. ahead has it learn what pods that run will do.
func newEngine(w *world.World, args *config.PredictionArgs, d *driver, ahead bool) (*learn.Engine, *learn.Stepper) {
	e := learn.New(*args, d.clock)
	if ahead {
		e.LookAhead()
	}
	return e, e.Stepper(learn.Cluster{Machines: machinesOf(w), Pod: d.pod, Nodes: func() []*v1.Node { return w.Nodes }})
}

// pod is a pod that is there, or nil.
func (d *driver) pod(namespace, name string) *v1.Pod {
	object, ok, err := d.pods.indexer.GetByKey(key(namespace, name))
	if err != nil || !ok {
		return nil
	}
	return object.(*v1.Pod)
}

// machinesOf are the sizes of a world's nodes.
func machinesOf(w *world.World) usage.Machines {
	machines := make(map[string]usage.Machine, len(w.Nodes))
	var largest usage.Machine
	for _, n := range w.Nodes {
		m := usage.MachineOf(n)
		machines[n.Name] = m
		largest.Cores, largest.Bytes = max(largest.Cores, m.Cores), max(largest.Bytes, m.Bytes)
	}
	return func(name string) (usage.Machine, bool) {
		if name == "" {
			return largest, true
		}
		m, ok := machines[name]
		return m, ok
	}
}

// schedule lets the scheduler try what waits in its queue, once each, and calls bound with what it placed.
func (d *driver) schedule(bound func(*v1.Binding) error) error {
	queue := d.sched.SchedulingQueue
	for n := len(queue.PodsInActiveQ()) + len(queue.PodsInBackoffQ()); n > 0; n-- {
		if len(queue.PodsInActiveQ())+len(queue.PodsInBackoffQ()) == 0 {
			return nil
		}
		d.sched.ScheduleOne(d.ctx)
		select {
		case b := <-d.api.bound:
			if err := bound(b); err != nil {
				return err
			}
		case err := <-d.failed:
			if err != nil {
				return err
			}
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
	return nil
}

// retry has the scheduler try again all that it could not place, as upstream does after five minutes.
func (d *driver) retry() {
	waiting := map[string]*v1.Pod{}
	for _, p := range d.sched.SchedulingQueue.UnschedulablePods() {
		waiting[p.Namespace+"/"+p.Name] = p
	}
	if len(waiting) > 0 {
		d.sched.SchedulingQueue.Activate(klog.FromContext(d.ctx), waiting)
	}
}
