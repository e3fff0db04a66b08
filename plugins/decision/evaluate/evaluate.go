// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package evaluate says what each plugin of a profile makes of all nodes for a pod, off the scheduling path.
//
// It has plugins of its own, made by the factories and from the args that the scheduler's are made from, and asks them as upstream's
// search does: PreFilter, Filter, PreScore, Score, on a copy of the nodes. Nothing is assumed, reserved or bound, and
// nothing is told to anyone.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Options of an evaluator.
type Options struct {
	// Candidates that are named beside the chosen node, and as many refused ones.
	Candidates int
	// Registry of the plugins that are not upstream's. They must be none that the scheduler has: plugins keep state.
	Registry frameworkruntime.Registry
	// Read returns the forecasts; nil knows none.
	Read forecast.Reader
}

// Evaluator evaluates pods, one at a time.
type Evaluator struct {
	options  Options
	turns    *turns
	lister   *lister
	profiles map[string]framework.Framework
	stock    framework.Framework
	extends  bool // extenders have a say, and are not asked
	loads    cycle.Loads
	claims   corelisters.PersistentVolumeClaimLister
	// What profiles of other configurations are made with.
	make     *maker
	registry frameworkruntime.Registry
	live     framework.Framework

	lock sync.Mutex
}

// New returns an evaluator of the scheduler's profiles. Call it before the informers start, since its plugins listen to them, and
// after whatever else changes sched.NextEntity.
func New(ctx context.Context, sched *scheduler.Scheduler, profiles []kubeschedulerconfig.KubeSchedulerProfile, o Options) (*Evaluator, error) {
	e := &Evaluator{
		options: o, lister: &lister{}, profiles: map[string]framework.Framework{}, extends: len(sched.Extenders) > 0,
		make: &maker{made: map[string][]made{}}, registry: frameworkplugins.NewInTreeRegistry(),
	}
	e.lister.current.Store(newNodes(nil))
	if err := e.registry.Merge(o.Registry); err != nil {
		return nil, err
	}
	registry := e.make.noting(e.registry)
	var live framework.Framework
	for i := range profiles {
		p := profiles[i].DeepCopy()
		if live = sched.Profiles[p.SchedulerName]; live == nil {
			return nil, fmt.Errorf("profiles[%d].schedulerName: the scheduler has no profile %q", i, p.SchedulerName)
		}
		f, err := e.framework(ctx, registry, silenced(p), live)
		if err != nil {
			return nil, fmt.Errorf("profiles[%d]: %w", i, err)
		}
		e.profiles[profiles[i].SchedulerName] = f
	}
	if live == nil {
		return nil, errors.New("there are no profiles")
	}
	p, err := stockProfile()
	if err != nil {
		return nil, err
	}
	if e.stock, err = e.framework(ctx, e.make.noting(frameworkplugins.NewInTreeRegistry()), p, live); err != nil {
		return nil, fmt.Errorf("kube-scheduler's default profile: %w", err)
	}
	e.live, e.claims = live, live.SharedInformerFactory().Core().V1().PersistentVolumeClaims().Lister()
	e.turns, err = newTurns(sched, live)
	return e, err
}

// framework returns a profile's plugins on the evaluator's nodes. What else they need is the scheduler's.
func (e *Evaluator) framework(ctx context.Context, registry frameworkruntime.Registry, p *kubeschedulerconfig.KubeSchedulerProfile, live framework.Framework) (framework.Framework, error) {
	// Upstream's metrics of how long plugins take tell the two apart.
	p.SchedulerName += "/evaluated"
	return frameworkruntime.NewFramework(ctx, registry, p,
		frameworkruntime.WithClientSet(live.ClientSet()),
		frameworkruntime.WithKubeConfig(live.KubeConfig()),
		frameworkruntime.WithInformerFactory(live.SharedInformerFactory()),
		frameworkruntime.WithSharedDRAManager(live.SharedDRAManager()),
		frameworkruntime.WithSharedCSIManager(live.SharedCSIManager()),
		frameworkruntime.WithPodNominator(live),
		frameworkruntime.WithPodActivator(nobody{}),
		frameworkruntime.WithEventRecorder(&events.FakeRecorder{}), // without a channel it drops them
		frameworkruntime.WithSnapshotSharedLister(e.lister),
		// One: evaluations are to take no more than their share.
		frameworkruntime.WithParallelism(1),
	)
}

// nobody activates pods: those that were refused here wait for the scheduler's plugins.
type nobody struct{}

func (nobody) Activate(klog.Logger, map[string]*v1.Pod) {}

// silenced has plugins write nothing.
func silenced(p *kubeschedulerconfig.KubeSchedulerProfile) *kubeschedulerconfig.KubeSchedulerProfile {
	for i := range p.PluginConfig {
		if args, ok := p.PluginConfig[i].Args.(*config.PredictedQoSArgs); ok {
			args.Feedback.ObservationsFile = ""
		}
	}
	return p
}

// stockProfile is kube-scheduler's own.
func stockProfile() (*kubeschedulerconfig.KubeSchedulerProfile, error) {
	versioned := &kubeschedulerv1.KubeSchedulerConfiguration{}
	scheme.Scheme.Default(versioned)
	internal := &kubeschedulerconfig.KubeSchedulerConfiguration{}
	if err := scheme.Scheme.Convert(versioned, internal, nil); err != nil {
		return nil, err
	}
	return &internal.Profiles[0], nil
}

// Question is what to evaluate.
type Question struct {
	Pod *v1.Pod
	// Profile that decides; it must be one of the scheduler's.
	Profile string
	// Chosen node, where there is one. The pod is taken off it.
	Chosen string
	// Without is a node to do without; "" is none.
	Without string
	// Since is the generation after which nodes count as changed; 0 counts none.
	Since int64
}

// ErrNoProfile says that no profile of this scheduler places the pod.
var ErrNoProfile = errors.New("no profile of this scheduler")

// Evaluate asks the profile about all nodes as they are now.
func (e *Evaluator) Evaluate(ctx context.Context, q Question) (*decision.Evaluation, error) {
	f := e.profiles[q.Profile]
	if f == nil {
		return nil, fmt.Errorf("%w places pods of %q", ErrNoProfile, q.Profile)
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	all, err := e.turns.copyNodes(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	pod := *q.Pod
	pod.Spec.NodeName = ""
	seen, changed := q.nodes(ctx, all)
	e.lister.current.Store(seen)
	defer e.lister.current.Store(newNodes(nil)) // and let go of them

	out, _, err := e.evaluate(ctx, f, seen, &q, &pod)
	if err != nil {
		return nil, err
	}
	out.Time, out.Now, out.Changed = now, q.Since == 0, changed
	if r, err := ask(ctx, e.stock, seen, &pod); err == nil {
		out.Stock = r.choice(q.Chosen)
	} else {
		out.Lacks = append(out.Lacks, "the default profile failed: "+decision.Cut(err.Error()))
	}
	return out, nil
}

// evaluate asks the profile about nodes that the lister has.
func (e *Evaluator) evaluate(ctx context.Context, f framework.Framework, seen *nodes, q *Question, pod *v1.Pod) (*decision.Evaluation, *answers, error) {
	r, err := ask(ctx, f, seen, pod)
	if err != nil {
		return nil, nil, err
	}
	out := &decision.Evaluation{Nodes: len(seen.all), Feasible: len(r.scores)}
	for _, s := range f.ListPlugins().Score.Enabled {
		out.Weights = append(out.Weights, decision.Weight{Plugin: s.Name, Weight: int64(s.Weight)})
		out.MaxTotal += fwk.MaxScore * int64(s.Weight)
	}
	if e.extends {
		out.Lacks = append(out.Lacks, "extenders were not asked")
	}
	if weightOf(out, config.PredictedQoSName) > 0 && r.scoredBy(config.PredictedQoSName) {
		out.Lacks = append(out.Lacks, "what "+config.PredictedQoSName+" has learned from its own decisions is not in its part")
	}
	if e.options.Read != nil {
		out.Epoch = e.options.Read().Epoch()
	}
	e.describe(out, r, q, pod)
	return out, r, nil
}

// nodes that the question is about, and how many others than the chosen one have changed.
func (q *Question) nodes(ctx context.Context, all []fwk.NodeInfo) (*nodes, int) {
	seen, changed := make([]fwk.NodeInfo, 0, len(all)), 0
	for _, info := range all {
		name := info.Node().Name
		if name == q.Without {
			continue
		}
		if q.Since > 0 && name != q.Chosen && info.GetGeneration() > q.Since {
			changed++
		}
		seen = append(seen, without(ctx, info, q.Pod))
	}
	return newNodes(seen), changed
}

// without returns the node without the pod, which may not be on it.
func without(ctx context.Context, info fwk.NodeInfo, pod *v1.Pod) fwk.NodeInfo {
	for _, p := range info.GetPods() {
		if p.GetPod().UID != pod.UID || p.GetPod().Name != pod.Name || p.GetPod().Namespace != pod.Namespace {
			continue
		}
		less := info.Snapshot()
		if err := less.RemovePod(klog.FromContext(ctx), p.GetPod()); err == nil {
			return less
		}
	}
	return info
}
