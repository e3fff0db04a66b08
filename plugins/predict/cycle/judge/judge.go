// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package judge is how a plugin tells the node index what it makes of nodes, so that the index
// need not know the plugin: it asks about a node when that has changed, or when a pod comes that
// differs from all before, and keeps the answer. The plugin answers by the code that its Filter
// and Score run, so there is no second version of it that could differ.
package judge

import (
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"
)

// Plugin can tell. Its Filter and Score depend on nothing about a node but its NodeInfo. Its PreFilter reads neither topology spread
// constraints nor inter-pod terms: the index may run it on a pod without them.
type Plugin interface {
	fwk.Plugin
	// Judge returns how nodes are judged for a pod whose PreFilter has run in the cycle, or nil where
	// every node passes and scores 0. It returns false where that cannot be told: what counts is
	// neither in a NodeInfo nor in World and Shape.
	Judge(state fwk.CycleState, pod *v1.Pod) (Judge, bool)
}

// Judge of nodes for one pod in one cycle.
type Judge interface {
	// World is comparable, and all of what nodes are judged by that is not the pod's or theirs. What
	// was said in another world counts no more.
	World() any
	// Shape is comparable, and all of the pod that counts: what was said for one pod holds for all of
	// its shape.
	Shape() any
	// Look judges the nodes of rows, into verdicts of the same length, and returns until when that holds;
	// the zero time is for good. One goroutine asks. See Rows.
	Look(rows []Row, verdicts []Verdict) (until time.Time)
	// Now is the time by which Look's holds.
	Now() time.Time
	// Relative says that a node's score depends on what the other ones score, so that Scores is to be
	// asked for it. Else the raw scores are 0–100.
	Relative() bool
	// Scores turns the raw scores of all nodes that are feasible, at least two, to 0–100.
	Scores(raw []int64)
}

// Row of a node, to whom it belongs for as long as the node is there.
type Row struct {
	fwk.NodeInfo
	At int32
	// Generation of the NodeInfo, which is read without it: it is elsewhere in memory, and seldom has anything new.
	Generation int64
}

// Lasting is for judges to embed whose verdicts hold for good, with scores that are 0–100 as they are.
type Lasting struct{}

// Now is not asked for.
func (Lasting) Now() time.Time { return time.Time{} }

// Relative is false.
func (Lasting) Relative() bool { return false }

// Scores leaves them.
func (Lasting) Scores([]int64) {}

// Verdict on a node.
type Verdict struct {
	// Refused says that Filter refuses it; then Raw says nothing.
	Refused bool
	// Raw is the score before it is brought to 0–100, or anything that Scores understands, but not math.MinInt64.
	Raw int64
}

// Guarded is a plugin that refuses nodes for one more reason than the index knows, of which another one tells.
type Guarded interface {
	fwk.Plugin
	// Guard returns nil where there is none.
	Guard() Plugin
}

// Services is a plugin that places a pod by where the pods of its Services run.
type Services interface {
	fwk.Plugin
	// Together returns the labels that Filter wants a node to have for this in the cycle.
	Together(state fwk.CycleState) map[string]string
	// Apart returns the node labels over whose values the pods of the namespace that the selector
	// selects are spread, and the weight of that beside preferred node affinity; no keys are no rule.
	Apart(pod *v1.Pod) (keys []string, selector labels.Selector, weight int64, err error)
}

// Plugins are the plugins of a process, by profile, for whoever asks them what only they can
// tell. The zero value is ready; nil has none.
type Plugins struct {
	lock sync.Mutex
	all  map[key]fwk.Plugin
}

type key struct{ profile, plugin string }

// Add notes the plugin of a profile.
func (p *Plugins) Add(profile string, plugin fwk.Plugin) {
	if p == nil {
		return
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.all == nil {
		p.all = map[key]fwk.Plugin{}
	}
	p.all[key{profile, plugin.Name()}] = plugin
}

// Of returns the plugin of that name in a profile, or nil.
func (p *Plugins) Of(profile, name string) fwk.Plugin {
	if p == nil {
		return nil
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.all[key{profile, name}]
}
