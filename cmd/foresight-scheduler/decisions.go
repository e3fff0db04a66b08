// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/explained"
	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/fence"
	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/front"
	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/compare"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/decision/serving"
	"github.com/foresight-scheduler/foresight/plugins/decision/watch"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// decisions are what is kept of decisions; nil keeps nothing.
type decisions struct {
	args    *config.DecisionsArgs
	ring    *decision.Ring
	watcher *watch.Watcher
	// service is what the evaluator's PredictedQoS plugins share: they are its own, and so is this.
	service *qos.Service
	// more is what is served beside them.
	more map[string]explained.Answer
	// moves tells of moves of a pod; nil without a rebalancer.
	moves func(namespace, name, uid string) ([]decision.Move, *decision.Stays)
	// evaluator is set by install, before anything is served.
	evaluator *evaluate.Evaluator
	// machines are the sizes of nodes, once install has been called.
	machines atomic.Pointer[usage.Machines]
}

// newDecisions returns what the configuration asks for.
func newDecisions(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*decisions, error) {
	args, err := profiles.SoleOrDefault[*config.DecisionsArgs](cfg, config.DecisionsName)
	if err != nil {
		return nil, err
	}
	if err := config.ValidateDecisionsArgs(config.ArgsPath(config.DecisionsName), args).ToAggregate(); err != nil || args.Records == 0 {
		return nil, err
	}
	ring := decision.NewRing(int(args.Records), args.MaxBytes)
	return &decisions{args: args, ring: ring, watcher: &watch.Watcher{Ring: ring}, more: map[string]explained.Answer{}}, nil
}

// index takes what the node index says; nil where nobody listens.
func (d *decisions) index() func(nodeindex.Answer) {
	if d == nil {
		return nil
	}
	return func(a nodeindex.Answer) {
		d.watcher.Index(watch.Answer{Said: true, Node: a.Node, Score: a.Score, Alike: a.Alike, Feasible: a.Feasible, Bypass: a.Bypass})
	}
}

// listen has what becomes of decisions noted. Call it before the engine starts; there may be none.
func (d *decisions) listen(e *learn.Engine, policy *claims.Policy) {
	if d == nil {
		return
	}
	d.service = qos.NewService(cycle.NewViews(e.Reader()), policy).Untold()
	if e != nil {
		d.watcher.Epoch = func() uint64 { return e.Snapshot().Epoch() }
		e.Tell(d.service.Observe)
		e.Tell(func(r *usage.Reading) {
			var machines usage.Machines
			if m := d.machines.Load(); m != nil {
				machines = *m
			}
			decision.Follow(d.ring, machines, r)
		})
	}
}

// show has served what PredictedQoS makes of nodes. Call it before install.
func (d *decisions) show(service *qos.Service) {
	if d != nil {
		d.more["qos"] = qosReport(service)
	}
}

// install has decisions recorded, evaluated and served until ctx ends. Call it last before app.Run. The engine may be nil.
func (d *decisions) install(ctx context.Context, sched *scheduler.Scheduler, c *schedulerserverconfig.CompletedConfig, e *learn.Engine, policy *claims.Policy) error {
	if d == nil {
		return nil
	}
	registry := plugins.Registry(plugins.Options{Engine: e, QoS: d.service, Claims: policy, Uncounted: true})
	evaluator, err := evaluate.New(ctx, sched, c.ComponentConfig.Profiles, evaluate.Options{
		Candidates: int(d.args.Candidates), Read: e.Reader(), Registry: registry,
	})
	if err != nil {
		return fmt.Errorf("explaining decisions: %w", err)
	}
	d.evaluator = evaluator
	machines := usage.MachinesFrom(c.InformerFactory.Core().V1().Nodes().Lister())
	d.machines.Store(&machines)
	d.more["comparison"] = func(context.Context, *http.Request) (any, error) { return compare.Of(d.ring, time.Now()), nil }
	background := evaluate.NewBackground(evaluator, float64(d.args.EvaluatePercent)/100)
	if d.args.EvaluatePercent > 0 {
		d.watcher.Evaluator = background
		go background.Run(ctx)
	}
	d.watcher.Install(sched)
	if d.args.Events == config.DecisionEventsSentence {
		d.watcher.Tell(sched, evaluate.Closest)
	}
	legacyregistry.CustomMustRegister(newDecisionMetrics(d.ring, background))
	return d.serve(ctx, c, evaluator, registry, e)
}

// serve answers who asks, on the secure port.
func (d *decisions) serve(ctx context.Context, c *schedulerserverconfig.CompletedConfig, evaluator *evaluate.Evaluator, registry frameworkruntime.Registry, e *learn.Engine) error {
	h := &explained.Handler{
		Ring: d.ring, Evaluator: evaluator, Pods: c.InformerFactory.Core().V1().Pods().Lister(), Another: anotherConfiguration(evaluator, registry), Moves: d.moves, More: d.more,
	}
	for i := range c.ComponentConfig.Profiles {
		h.Profiles = append(h.Profiles, c.ComponentConfig.Profiles[i].SchedulerName)
	}
	if f := fence.Of(c.LeaderElection); f != nil {
		h.Leads = f.Open
	}
	if e != nil {
		h.Judged = func(nodes *decision.Nodes, misses bool) { judged(e, nodes, misses) }
	}
	installed, err := front.Install(c.SecureServing, &c.Authentication.Authenticator, c.Authorization.Authorizer, serving.Prefix, h.Ready())
	log := klog.FromContext(ctx)
	if err != nil {
		log.Info("Decisions are recorded and not served", "reason", err.Error())
		return nil
	}
	go func() {
		if err := installed.Wait(ctx); err != nil && ctx.Err() == nil {
			log.Error(err, "Decisions are recorded and not served")
		}
	}()
	return nil
}

// realised says how the engine's forecasts of nodes came out; empty before any has, or without an engine.
func realised(e *learn.Engine) (all []decision.Realised) {
	if e == nil {
		return nil
	}
	for r := range forecast.Resource(forecast.NumResources) {
		within, above, below, promised := e.Hours(r)
		if within+above+below > 0 {
			all = append(all, decision.Realised{Resource: r.String(), Within: within, Above: above, Below: below, Promised: promised})
		}
	}
	return all
}

// judged adds to nodes how the engine's forecasts of them came out.
func judged(e *learn.Engine, nodes *decision.Nodes, misses bool) {
	nodes.Realised = realised(e)
	accounts := e.Accounts()
	for i := range nodes.Nodes {
		n := &nodes.Nodes[i]
		a := accounts[n.Name]
		if a == nil {
			continue
		}
		for r, to := range map[forecast.Resource]*decision.Resources{forecast.CPU: &n.CPU, forecast.Memory: &n.Memory} {
			to.Hours = &decision.Hours{Within: a.Within[r], Above: a.Above[r], Below: a.Below[r]}
		}
		if !misses {
			continue
		}
		for _, m := range slices.Backward(a.Misses) {
			n.Misses = append(n.Misses, decision.Miss{
				Begin: time.Unix(m.Begin, 0).UTC(), Resource: m.Resource.String(),
				Forecast: decision.Range{Lower: float64(m.Lower), Upper: float64(m.Upper)}, Came: float64(m.Came),
			})
		}
	}
}
