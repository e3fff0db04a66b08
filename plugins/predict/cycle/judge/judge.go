// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package judge is the interface by which a plugin tells the node index its verdicts on nodes, so
// that the index need not know the plugin. The index asks about a node when the node has changed,
// or when a pod differs from all before, and keeps the answer. The plugin answers with the code
// that its Filter and Score run, so there is no second version that could differ.
package judge

import (
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"
)

// Plugin is a plugin that can tell the index its verdicts. Its Filter and Score depend on nothing
// about a node but its NodeInfo. Its PreFilter reads neither topology spread constraints nor
// inter-pod terms, since the index may run it on a pod without them.
type Plugin interface {
	fwk.Plugin
	// Judge returns the judge of nodes for a pod whose PreFilter has run in the cycle, or nil if
	// every node passes and scores 0. It returns false if the index cannot be told, because
	// something counts that is neither in a NodeInfo nor in World or Shape.
	Judge(state fwk.CycleState, pod *v1.Pod) (Judge, bool)
}

// Judge judges nodes for one pod in one cycle.
type Judge interface {
	// World is a comparable value that stands for everything the verdicts depend on besides pod and
	// nodes. When it changes, earlier verdicts no longer count.
	World() any
	// Shape is a comparable value that stands for everything about the pod that counts. Pods of the
	// same shape get the same verdicts.
	Shape() any
	// Look writes the verdicts on the nodes of rows into verdicts, a slice of the same length. It
	// returns until when they hold; the zero time means for good. It is called by one goroutine.
	// See Rows.
	Look(rows []Row, verdicts []Verdict) (until time.Time)
	// Now is the current time by the clock of Look's result.
	Now() time.Time
	// Relative reports whether a node's score depends on those of other nodes, so that Scores must
	// be called. If false, raw scores are 0–100.
	Relative() bool
	// Scores converts the raw scores of all feasible nodes, at least two, to 0–100.
	Scores(raw []int64)
}

// Row is a node and the index At of its row, which it keeps for as long as the node exists.
type Row struct {
	fwk.NodeInfo
	At int32
	// Generation is that of the NodeInfo. It is copied here because the NodeInfo is elsewhere in
	// memory and has seldom changed.
	Generation int64
}

// Lasting is embedded by judges whose verdicts hold for good and whose raw scores are 0–100.
type Lasting struct{}

// Now is never called.
func (Lasting) Now() time.Time { return time.Time{} }

// Relative is false.
func (Lasting) Relative() bool { return false }

// Scores changes nothing.
func (Lasting) Scores([]int64) {}

// Verdict is a plugin's verdict on a node.
type Verdict struct {
	// Refused is true if Filter refuses the node. Raw then has no meaning.
	Refused bool
	// Raw is the score before conversion to 0–100. It may be any value that Scores understands,
	// except math.MinInt64.
	Raw int64
}

// Guarded is a plugin that refuses nodes for one more reason than the index knows. Another plugin
// tells that reason.
type Guarded interface {
	fwk.Plugin
	// Guard returns that other plugin, or nil if there is none.
	Guard() Plugin
}

// Services is a plugin that places a pod by where the pods of its Services run.
type Services interface {
	fwk.Plugin
	// Together returns the node labels that Filter requires in the cycle for that reason.
	Together(state fwk.CycleState) map[string]string
	// Apart returns the node labels over whose values the selected pods of the namespace are
	// spread, and the weight of this relative to preferred node affinity. Without keys there is no
	// rule.
	Apart(pod *v1.Pod) (keys []string, selector labels.Selector, weight int64, err error)
}

// Plugins are the plugins of a process by profile. The zero value is ready; nil holds none.
type Plugins struct {
	lock sync.Mutex
	all  map[key]fwk.Plugin
}

type key struct{ profile, plugin string }

// Add stores a plugin of a profile.
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
