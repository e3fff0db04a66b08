// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/explained"
	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/writes"
	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// mostRows and mostShadows are in one answer.
const mostRows, mostShadows = 1000, 1000

// onlooker is a scheduler that places nothing; nil is one that does.
type onlooker struct {
	args      *config.ShadowArgs
	profile   string
	decisions *decisions
	ledger    *shadow.Ledger
	engine    *learn.Engine
}

// newOnlooker returns what the configuration asks for.
func newOnlooker(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, d *decisions) (*onlooker, error) {
	args, found, err := profiles.SoleArgs[*config.ShadowArgs](cfg, config.ShadowName)
	if err != nil || !found {
		return nil, err
	}
	path := config.ArgsPath(config.ShadowName)
	if err := config.ValidateShadowArgs(path, args).ToAggregate(); err != nil {
		return nil, err
	}
	le := &cfg.LeaderElection
	switch {
	case d == nil:
		return nil, fmt.Errorf("%s: %s must be more than 0: what an onlooker decides is served beside decisions", path, config.ArgsPath(config.DecisionsName).Child("records"))
	case le.LeaderElect && le.ResourceName == leaseName:
		return nil, fmt.Errorf("leaderElection.resourceName: with %s this scheduler places nothing, and while it holds the lease %s no other one would: name one of its own", path, le.ResourceName)
	}
	for i := range cfg.Profiles {
		if name := cfg.Profiles[i].SchedulerName; slices.Contains(args.SchedulerNames, name) {
			return nil, fmt.Errorf("profiles[%d].schedulerName: %q is one of %s: an onlooker looks at other schedulers' pods", i, name, path.Child("schedulerNames"))
		}
	}
	return &onlooker{args: args, profile: cfg.Profiles[0].SchedulerName, decisions: d}, nil
}

// tellNobody has the election write no event of who leads. Call it before the lock is wrapped.
func (o *onlooker) tellNobody(c *schedulerserverconfig.CompletedConfig) {
	if o == nil || c.LeaderElection == nil {
		return
	}
	if lease, ok := c.LeaderElection.Lock.(*resourcelock.LeaseLock); ok {
		lease.LockConfig.EventRecorder = nil
	}
}

// placeNothing has the scheduler take no pod from its queue, and its client write nothing. Call it before decisions.install.
func (o *onlooker) placeNothing(ctx context.Context, sched *scheduler.Scheduler, c *schedulerserverconfig.CompletedConfig) error {
	if o == nil {
		return nil
	}
	sched.NextEntity = func(klog.Logger) (framework.QueuedEntityInfo, error) {
		<-ctx.Done()
		return nil, nil
	}
	// The client that renews the lease is another one.
	if err := writes.Wrap(c.Client, func(next http.RoundTripper) http.RoundTripper { return &readOnly{next} }); err != nil {
		return fmt.Errorf("keeping the scheduler's client from writing: %w", err)
	}
	return nil
}

// readOnly refuses all that would write. The shipped role allows nothing of it either.
type readOnly struct{ next http.RoundTripper }

var errOnlooker = errors.New("an onlooker writes nothing")

func (r *readOnly) RoundTrip(request *http.Request) (*http.Response, error) {
	if writes.Reads(request) {
		return r.next.RoundTrip(request)
	}
	return writes.Refuse(request, errOnlooker)
}

// WrappedRoundTripper lets client-go find what is below.
func (r *readOnly) WrappedRoundTripper() http.RoundTripper { return r.next }

// listen has what becomes of decisions noted. Call it before the engine starts and before install; there may be no engine.
func (o *onlooker) listen(e *learn.Engine, c *schedulerserverconfig.CompletedConfig) {
	if o == nil {
		return
	}
	pods := c.InformerFactory.Core().V1().Pods().Lister()
	o.ledger = shadow.NewLedger(shadow.Options{
		Decisions: int(o.args.Decisions), MaxBytes: o.args.MaxBytes, Horizons: []time.Duration{time.Hour, 24 * time.Hour}, Gap: decision.LongestGap,
		Machines: usage.MachinesFrom(c.InformerFactory.Core().V1().Nodes().Lister()),
		Pod: func(namespace, name string) *v1.Pod {
			pod, err := pods.Pods(namespace).Get(name)
			if err != nil {
				return nil // The lister knows no other error than that there is none.
			}
			return pod
		},
	}, time.Now())
	o.engine = e
	if e != nil {
		e.Tell(o.ledger.Follow)
	}
	o.decisions.more["shadow"], o.decisions.more["shadow/decisions"] = o.report, o.newest
}

// install has pods of other schedulers decided until ctx ends. Call it after decisions.install.
func (o *onlooker) install(ctx context.Context, c *schedulerserverconfig.CompletedConfig) error {
	if o == nil {
		return nil
	}
	evaluator := o.decisions.evaluator
	looks := shadow.NewOnlooker(o.args.SchedulerNames, float64(o.args.CPUPercent)/100, func(ctx context.Context, pod *v1.Pod, later func() []*v1.Pod, moved []shadow.Moved) (*decision.Placed, error) {
		p := evaluate.Placement{Pod: pod, Profile: o.profile, Later: later, Draw: rand.IntN}
		for _, m := range moved {
			p.Moved = append(p.Moved, evaluate.Moved(m))
		}
		return evaluator.Place(ctx, p)
	}, o.ledger)
	legacyregistry.CustomMustRegister(newShadowMetrics(o.ledger))
	if _, err := c.InformerFactory.Core().V1().Pods().Informer().AddEventHandler(looks.Handler()); err != nil {
		return err
	}
	go looks.Run(ctx)
	klog.FromContext(ctx).Info("Looking on: this scheduler places no pod and writes nothing but its lease", "schedulers", o.args.SchedulerNames, "profile", o.profile)
	return nil
}

// report answers with what was seen so far.
func (o *onlooker) report(_ context.Context, r *http.Request) (any, error) {
	rows, err := explained.Number(r, "workloads", 20, mostRows)
	if err != nil {
		return nil, err
	}
	report := o.ledger.Report(time.Now(), rows)
	report.Schedulers, report.Profile, report.Realised = o.args.SchedulerNames, o.profile, realised(o.engine)
	report.Cost, err = costs()
	return report, err
}

// newest answers with the newest decisions.
func (o *onlooker) newest(_ context.Context, r *http.Request) (any, error) {
	limit, err := explained.Number(r, "limit", 100, mostShadows)
	if err != nil {
		return nil, err
	}
	return o.ledger.Newest(limit, shadow.Result(r.URL.Query().Get("result"))), nil
}

// costs are what the process has taken, by its own metrics.
func costs() (c shadow.Cost, err error) {
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		return c, err
	}
	c.Requests = map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "process_cpu_seconds_total":
				c.CPUSeconds = m.GetCounter().GetValue()
			case "process_resident_memory_bytes":
				c.Bytes = m.GetGauge().GetValue()
			case "rest_client_requests_total":
				for _, label := range m.GetLabel() {
					if label.GetName() == "method" {
						c.Requests[label.GetValue()] += m.GetCounter().GetValue()
					}
				}
			}
		}
	}
	return c, nil
}
