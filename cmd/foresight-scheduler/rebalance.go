// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/fence"
	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
	"github.com/foresight-scheduler/foresight/plugins/rebalance/packing"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// rebalancer moves pods, or says which it would; nil is off.
type rebalancer struct {
	args      *config.RebalanceArgs
	decisions *decisions
	engine    *learn.Engine
	looksOn   bool // writes nothing, not even events
	loop      *rebalance.Loop
}

// newRebalancer returns what the configuration asks for.
func newRebalancer(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, e *learn.Engine, d *decisions, looks *onlooker) (*rebalancer, error) {
	args, found, err := profiles.SoleArgs[*config.RebalanceArgs](cfg, config.RebalanceName)
	if err != nil || !found {
		return nil, err
	}
	path := config.ArgsPath(config.RebalanceName)
	if err := config.ValidateRebalanceArgs(path, args).ToAggregate(); err != nil {
		return nil, err
	}
	mode := path.Child("mode")
	evicts := args.Mode == config.RebalanceEvict
	switch {
	case args.Mode == config.RebalanceOff:
		return nil, nil
	case e == nil:
		return nil, fmt.Errorf("%s: %s needs forecasts: name where usage comes from in %s", mode, args.Mode, config.ArgsPath(config.PredictionName).Child("usage", "source"))
	case d == nil:
		return nil, fmt.Errorf("%s: %s needs what evaluates decisions: %s must be more than 0", mode, args.Mode, config.ArgsPath(config.DecisionsName).Child("records"))
	case evicts && looks != nil:
		return nil, fmt.Errorf("%s: with %s this scheduler writes nothing: Suggest at most", mode, config.ShadowName)
	case evicts && len(cfg.Extenders) > 0:
		return nil, fmt.Errorf("%s: extenders have a say in where a pod goes, and are not asked before it is moved: Suggest at most", mode)
	}
	for i := range cfg.Profiles {
		if name := cfg.Profiles[i].SchedulerName; slices.Contains(args.SchedulerNames, name) {
			return nil, fmt.Errorf("%s: %q is a profile of this scheduler, whose pods move anyway", path.Child("schedulerNames"), name)
		}
	}
	e.LookAhead()
	return &rebalancer{args: args, decisions: d, engine: e, looksOn: looks != nil}, nil
}

// listen has what it finds served. Call it before install.
func (r *rebalancer) listen() {
	if r == nil {
		return
	}
	r.decisions.more["rebalance"] = r.report
	r.decisions.moves = r.ofPod
}

// install looks for moves until ctx ends. Call it after decisions.install and before the informers start.
func (r *rebalancer) install(ctx context.Context, sched *scheduler.Scheduler, c *schedulerserverconfig.CompletedConfig) error {
	if r == nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(r.args.NamespaceSelector)
	if err != nil {
		return fmt.Errorf("%s: %w", config.ArgsPath(config.RebalanceName).Child("namespaceSelector"), err)
	}
	w := &world{
		client: c.Client, evaluator: r.decisions.evaluator, pods: c.InformerFactory.Core().V1().Pods().Lister(), fence: fence.Of(c.LeaderElection),
	}
	for i := range c.ComponentConfig.Profiles {
		w.profiles = append(w.profiles, c.ComponentConfig.Profiles[i].SchedulerName)
	}
	if !r.looksOn {
		w.recorder = sched.Profiles[w.profiles[0]].EventRecorder()
	}
	namespaces := c.InformerFactory.Core().V1().Namespaces().Lister()
	a := r.args
	nodes, err := packable(a, c)
	if err != nil {
		return err
	}
	w.read, w.survey = r.engine.Reader(), rebalance.SurveyOf(a, rebalance.Movable{
		MaxPriority: a.MaxPriority,
		Namespace: func(name string) bool {
			ns, err := namespaces.Get(name)
			return err == nil && selector.Matches(labels.Set(ns.Labels))
		},
		Scheduler: func(name string) bool {
			return slices.Contains(w.profiles, name) || slices.Contains(a.SchedulerNames, name)
		},
	})
	w.survey.Emptiable = nodes.Of
	asks := &packed{world: w, marks: marks{client: c.Client, by: nodes.By}}
	packer := &packing.Emptier{World: asks, Options: packing.OptionsOf(a), Count: packing.NewMetrics()}
	if !packer.Options.Off {
		asks.budgets = c.InformerFactory.Policy().V1().PodDisruptionBudgets().Lister()
	}
	r.loop = &rebalance.Loop{
		World: w, Options: rebalance.OptionsOf(a), Interval: a.Interval.Duration, Evicts: a.Mode == config.RebalanceEvict,
		Count: rebalance.NewMetrics(),
	}
	if !r.looksOn || !packer.Options.Off {
		r.loop.Packer = packer
	}
	r.loop.Count.Register(legacyregistry.MustRegister)
	packer.Count.Register(legacyregistry.MustRegister)
	go r.loop.Run(ctx)
	klog.FromContext(ctx).Info("Looking for moves", "mode", a.Mode, "packing", a.Packing.Mode, "interval", a.Interval.Duration, "perHour", a.MaxMoves.PerHour)
	return nil
}

// report answers with what was found, with what a look now finds, or with which nodes could be emptied.
func (r *rebalancer) report(ctx context.Context, request *http.Request) (any, error) {
	if request.URL.Query().Get("pack") == "true" {
		return r.loop.Pack(ctx, time.Now())
	}
	return r.loop.Report(ctx, time.Now(), request.URL.Query().Get("now") == "true")
}

// ofPod is what there is to tell of one pod.
func (r *rebalancer) ofPod(namespace, name, uid string) ([]decision.Move, *decision.Stays) {
	records, stays, looked := r.loop.OfPod(namespace, name, uid)
	var moves []decision.Move
	for _, m := range records {
		moves = append(moves, decision.Move{
			Time: m.Time, Result: m.Result, Pod: m.Pod, Successor: m.Successor, From: m.From, To: m.To, On: m.On, Why: m.Why,
			Gain: m.Gain, Realised: m.Realised, RealisedMinutes: m.RealisedMinutes,
		})
	}
	if stays == nil {
		return moves, nil
	}
	return moves, &decision.Stays{Time: looked, Reason: string(stays.Reason), Cures: stays.Cures, To: stays.To, Gain: stays.Gain}
}

// world is the cluster as a rebalancer sees it.
type world struct {
	client    kubernetes.Interface
	evaluator *evaluate.Evaluator
	profiles  []string
	pods      corelisters.PodLister
	fence     *fence.Fence
	recorder  events.EventRecorder // nil tells nobody
	read      forecast.Reader
	survey    rebalance.Survey
	// nodes that were seen last. A loop sees and asks in turn.
	nodes []fwk.NodeInfo
}

// Leads says whether writes pass.
func (w *world) Leads() bool { return w.fence == nil || w.fence.Open() }

// See looks at copies of the nodes.
func (w *world) See(ctx context.Context, now time.Time) (*rebalance.Cluster, error) {
	var err error
	if w.nodes, err = w.evaluator.Current(ctx); err != nil {
		return nil, err
	}
	return w.survey.Of(w.read(), w.nodes, now), nil
}

// Best asks the pod's profile on the nodes that were seen; the first one stands in for other schedulers.
func (w *world) Best(ctx context.Context, pod *rebalance.Pod, _ string, moved []rebalance.Move) ([]string, error) {
	return w.Elsewhere(ctx, pod, nil, moved)
}

// Elsewhere asks likewise, as if some nodes were not there.
func (w *world) Elsewhere(ctx context.Context, pod *rebalance.Pod, without []string, moved []rebalance.Move) ([]string, error) {
	object := w.object(pod)
	if object == nil {
		return nil, nil
	}
	ask := evaluate.Placement{Pod: object, Profile: object.Spec.SchedulerName, Without: without}
	if !slices.Contains(w.profiles, ask.Profile) {
		ask.Profile = w.profiles[0]
	}
	for i := range moved {
		if object := w.object(moved[i].Pod); object != nil {
			ask.Moved = append(ask.Moved, evaluate.Moved{Pod: object, To: moved[i].To})
		}
	}
	best, err := w.evaluator.Best(ctx, w.nodes, ask)
	if errors.Is(err, decision.ErrNotYet) {
		return nil, nil
	}
	return best, err
}

// object of a pod; nil where it is gone.
func (w *world) object(pod *rebalance.Pod) *v1.Pod {
	object, err := w.pods.Pods(pod.Namespace).Get(pod.Name)
	if err != nil || string(object.UID) != pod.UID {
		return nil
	}
	return object
}

// Evict goes through the scheduler's client, which the fence keeps from writing once the lease may be another's.
func (w *world) Evict(ctx context.Context, pod *rebalance.Pod) error {
	uid := types.UID(pod.UID)
	return w.client.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}},
	})
}

// Tell writes an event of the pod, unless this scheduler writes nothing.
func (w *world) Tell(pod *rebalance.Pod, result, note string) {
	if w.recorder == nil {
		return
	}
	kind, reason := v1.EventTypeNormal, "RebalanceRefused"
	switch result {
	case rebalance.Suggested:
		reason = "RebalanceSuggested"
	case rebalance.Made, rebalance.Packed:
		reason = "Rebalanced"
	case string(rebalance.Failed):
		kind = v1.EventTypeWarning
	}
	w.recorder.Eventf(&v1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: types.UID(pod.UID)}, nil,
		kind, reason, "Rebalancing", "%s", decision.CutTo(note, maxNote))
}

// maxNote is how many bytes of an event's note the API server takes, less a few.
const maxNote = 1000
