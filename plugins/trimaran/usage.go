// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"context"
	"iter"
	"math"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// DefaultExpiry is how old a node's newest sample may be: KEP 61 uses a window "not
// older than 5 minutes".
const DefaultExpiry = 5 * time.Minute

// Usage says what nodes use. It is one immutable view: asked twice about a node it
// answers the same.
type Usage interface {
	// Node returns what is known of a node, and whether anything is. It is called for
	// every node in every cycle, by several goroutines at once, and must not allocate,
	// block or log.
	Node(name string) (forecast.NodeUsage, bool)
}

// UsageReader returns the cycle's view, or nil while nothing is known. It is called once
// a cycle, so that every node is judged by one view.
type UsageReader func(fwk.CycleState) Usage

// Options are what the plugins need beyond their args.
type Options struct {
	// Usage of the nodes; nil knows nothing.
	Usage UsageReader
	// Expiry is how old a node's newest sample may be until the node counts as unknown;
	// 0 is DefaultExpiry.
	Expiry time.Duration
	// Now is the time that the samples' times are held against; nil is the real one.
	Now func() time.Time

	nodes pernode.Whole
}

// resourceNames are of what is scored, in the order of forecast.Amounts: cores and bytes, or shares of a node.
var resourceNames = [forecast.NumResources]v1.ResourceName{v1.ResourceCPU, v1.ResourceMemory}

// podPart is what a plugin reads of the pod in hand.
type podPart struct {
	use    forecast.Amounts // that the pod is expected to have
	limits limitSum         // where the plugin reads them
}

// cycle in the cycle state is one view of usage and one pod. Nothing changes it.
type cycle struct {
	podPart
	usage Usage
	begun time.Time
}

// Clone shares the state: nothing changes it.
func (c *cycle) Clone() fwk.StateData { return c }

// scorer is what the four plugins have in common.
type scorer struct {
	name    string
	key     fwk.StateKey
	options Options
	// podPart reads the pod in hand, residentUse a pod that has a node: the same without
	// an allocation.
	podPart     func(*v1.Pod) podPart
	residentUse func(fwk.PodInfo) forecast.Amounts
	// nothingToSay says where every node would get the same score.
	nothingToSay func(*cycle) bool
	// read reads what else the plugin's formula takes of a node; nil reads nothing.
	read func(fwk.CycleState, fwk.NodeInfo, *nodePart)
	// formula is the score of a node, before it is normalized.
	formula func(*cycle, *nodePart) int64
	// parts keep Score, which runs for every node, from allocating.
	parts sync.Pool
	// rows are of the nodes that the node index asks about.
	rows judge.Rows[nodePart]
	// beginning is held to begin a cycle without PreScore.
	beginning sync.Mutex
}

// init sets what most plugins have in common.
func (s *scorer) init(name string, opts Options) {
	if opts.Expiry <= 0 {
		opts.Expiry = DefaultExpiry
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s.name, s.key, s.options = name, fwk.StateKey("PreScore"+name), opts
	s.podPart = func(pod *v1.Pod) podPart { return podPart{use: forecast.Asked(pod)} }
	s.residentUse = func(p fwk.PodInfo) forecast.Amounts { return forecast.AmountsOf(p.CalculateResource().Resource) }
	s.nothingToSay = func(c *cycle) bool { return c.usage == nil }
}

// Name returns the name of the plugin.
func (s *scorer) Name() string { return s.name }

// SignPod signs what the plugin reads of the pod.
func (s *scorer) SignPod(_ context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	part := s.podPart(pod)
	return []fwk.SignFragment{{Key: "foresight-scheduler.dev/" + s.name, Value: []any{part.use, part.limits}}}, nil
}

// PreScore takes the cycle's view of usage and reads the pod.
func (s *scorer) PreScore(_ context.Context, state fwk.CycleState, pod *v1.Pod, _ []fwk.NodeInfo) *fwk.Status {
	if s.nothingToSay(s.begin(state, pod)) {
		return fwk.NewStatus(fwk.Skip)
	}
	return nil
}

func (s *scorer) begin(state fwk.CycleState, pod *v1.Pod) *cycle {
	c := &cycle{podPart: s.podPart(pod), begun: s.options.Now()}
	if s.options.Usage != nil {
		c.usage = s.options.Usage(state)
	}
	state.Write(s.key, c)
	return c
}

// cycle returns what PreScore wrote. The configurations of scheduler-plugins enable Score
// alone: then the first node begins the cycle, and those scored meanwhile wait for it.
func (s *scorer) cycle(state fwk.CycleState, pod *v1.Pod) *cycle {
	if c := cyclestate.Of[*cycle](state, s.key); c != nil {
		return c
	}
	s.beginning.Lock()
	defer s.beginning.Unlock()
	if c := cyclestate.Of[*cycle](state, s.key); c != nil {
		return c
	}
	return s.begin(state, pod)
}

// ScoreExtensions returns nil: the scores are 0–100 as they are.
func (s *scorer) ScoreExtensions() fwk.ScoreExtensions { return nil }

// nodePart is what a plugin reads of a node, with one view of usage: all that depends neither on the pod in hand nor on the time.
type nodePart struct {
	known  bool
	newest time.Time // sample
	// mean of what the node uses, in cores and bytes, NaN where it is not known, and its standard deviation.
	mean, deviation forecast.Amounts
	capacity        forecast.Amounts
	limited         limited                      // LowRiskOverCommitment's
	model           *schedulerplugins.PowerModel // Peaks'; nil without one
}

// load is the mean and the standard deviation of what the node uses, as far as that is still known.
func (n *nodePart) load(c *cycle, expiry time.Duration) (mean, deviation forecast.Amounts) {
	// A sample from the future would never expire either.
	if !n.known || c.begun.Sub(n.newest).Abs() > expiry {
		return forecast.Amounts{math.NaN(), math.NaN()}, forecast.Amounts{}
	}
	return n.mean, n.deviation
}

// Score returns 0–100, or what the plugin normalizes to that.
func (s *scorer) Score(_ context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) (int64, *fwk.Status) {
	n, _ := s.parts.Get().(*nodePart)
	if n == nil {
		n = &nodePart{}
	}
	defer s.parts.Put(n)
	*n = nodePart{}
	c := s.cycle(state, pod)
	s.readNode(c.usage, state, s.options.nodes.Of(nodeInfo), n)
	return s.formula(c, n), nil
}

// readNode reads a node.
//
// A pod whose use the samples do not show counts with what it is expected to use, just as
// the pod in hand does. Pods that are only assumed are in NodeInfo, so a burst of pods does
// not land on one node for as long as it looks idle.
func (s *scorer) readNode(usage Usage, state fwk.CycleState, nodeInfo fwk.NodeInfo, n *nodePart) {
	n.capacity = forecast.AmountsOf(nodeInfo.GetAllocatable())
	if usage != nil {
		var u forecast.NodeUsage
		if u, n.known = usage.Node(nodeInfo.Node().Name); n.known {
			n.newest = u.Newest
			n.mean, n.deviation = s.use(&u, nodeInfo)
		}
	}
	if s.read != nil {
		s.read(state, nodeInfo, n)
	}
}

func (s *scorer) use(u *forecast.NodeUsage, nodeInfo fwk.NodeInfo) (mean, deviation forecast.Amounts) {
	var latest forecast.Set
	for r, stats := range [forecast.NumResources]*forecast.Stats{&u.CPU, &u.Memory} {
		mean[r], latest[r] = stats.Mean, !forecast.Sane(stats.Mean)
		if latest[r] {
			mean[r] = stats.Latest
		}
		if !forecast.Sane(mean[r]) {
			mean[r] = math.NaN()
		}
		if forecast.Sane(stats.StdDev) {
			deviation[r] = stats.StdDev
		}
	}
	for _, resident := range nodeInfo.GetPods() {
		share := unseen(u, resident.GetPod())
		if share == 0 {
			continue
		}
		for r, use := range s.residentUse(resident) {
			if share == 1 || !latest[r] {
				mean[r] += share * use
			}
		}
	}
	return mean, deviation
}

// unseen returns the share of a pod's use that the mean lacks: 1 before a sample shows the
// pod, then falling to 0 as the window fills with it. A pod that is still pending has
// shown nothing however long it has had its node: images take minutes to pull.
func unseen(u *forecast.NodeUsage, pod *v1.Pod) float64 {
	if pod.Status.Phase == v1.PodPending || pod.Status.Phase == "" {
		return 1
	}
	if pod.Status.StartTime == nil {
		return 0 // It runs, since when is not said.
	}
	// The start time is cut to whole seconds.
	seen := u.Newest.Sub(pod.Status.StartTime.Time) - time.Second
	if seen <= 0 {
		return 1
	}
	return max(0, 1-float64(seen)/float64(u.Window)) // -Inf without a window
}

// share clamps to 0–1.
func share(v float64) float64 { return max(0, min(1, v)) }

// running yields the containers that run side by side: sidecars are init containers.
func running(pod *v1.Pod) iter.Seq[*v1.Container] {
	return func(yield func(*v1.Container) bool) {
		for i := range pod.Spec.Containers {
			if !yield(&pod.Spec.Containers[i]) {
				return
			}
		}
		for i := range pod.Spec.InitContainers {
			c := &pod.Spec.InitContainers[i]
			if c.RestartPolicy != nil && *c.RestartPolicy == v1.ContainerRestartPolicyAlways && !yield(c) {
				return
			}
		}
	}
}
