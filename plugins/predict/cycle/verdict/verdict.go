// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verdict is the one rule by which predictions refuse nodes to pods, whatever plugin predicts:
//
//   - a DaemonSet's pod is refused no node: it belongs to its own;
//   - predictions that would refuse all nodes a pod may go to, together, say more about themselves than about the nodes. The plugin
//     that would refuse the last of them refuses none to the pod, and that is counted;
//   - a pod that asks to be held to its predictions is refused all the same;
//   - the status of a refusal tells whether preemption may cure it;
//   - a pod that was refused a node is tried again with the next forecast, and by events that may cure it.
//
// That too little is known to refuse anybody is the plugin's to say: it does not ask then.
package verdict

import (
	"slices"
	"sync"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/refused"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Verdicts are what the plugins of one process share. The zero value is ready, and safe for concurrent use.
type Verdicts struct {
	Refused refused.Pods

	lock   sync.Mutex
	passed map[who]*atomic.Int64
}

// who judges: a plugin of a profile.
type who struct{ profile, plugin string }

// Rule is how one plugin of a profile refuses nodes.
type Rule struct {
	shared  *Verdicts
	plugin  string
	volumes Volumes
	passed  *atomic.Int64 // pods that it let pass
}

// Rule returns the rule for a plugin of the handle's profile.
func (v *Verdicts) Rule(h fwk.Handle, plugin string) *Rule {
	v.lock.Lock()
	defer v.lock.Unlock()
	key := who{h.ProfileName(), plugin}
	if v.passed == nil {
		v.passed = map[who]*atomic.Int64{}
	}
	if v.passed[key] == nil {
		v.passed[key] = &atomic.Int64{}
	}
	return &Rule{v, plugin, VolumesOf(h), v.passed[key]}
}

// Passed returns how many pods a plugin let pass because no node would have been left.
func (v *Verdicts) Passed(profile, plugin string) int64 {
	v.lock.Lock()
	defer v.lock.Unlock()
	if n := v.passed[who{profile, plugin}]; n != nil {
		return n.Load()
	}
	return 0
}

// Cycle is what predictions do to the pod of one cycle; nil refuses it nothing.
type Cycle struct {
	shared  *Verdicts
	uid     types.UID
	allowed Allowed
	judging []judging // PreFilter writes it, and no two plugins' run at once
	noted   atomic.Bool
}

// judging is a plugin that may refuse nodes to the pod, or, where over is nil, lets it pass.
type judging struct {
	rule *Rule
	over func(fwk.NodeInfo) bool
}

const key fwk.StateKey = "Verdicts"

// Clone shares the state: what preemption tries out moves nothing in it.
func (c *Cycle) Clone() fwk.StateData { return c }

// Begin says in a plugin's PreFilter whether it may refuse nodes to the pod in this cycle, of which over says which it would; nil
// says that it may refuse none. A pod that asks to be held to its predictions is refused nodes in any case.
func (r *Rule) Begin(state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo, asks bool, over func(fwk.NodeInfo) bool) *Cycle {
	if !asks && forecast.IsDaemon(pod) {
		return nil
	}
	c := cyclestate.Of[*Cycle](state, key)
	if c == nil || c.uid != pod.UID {
		c = &Cycle{shared: r.shared, uid: pod.UID, allowed: AllowedFor(pod, r.volumes)}
		state.Write(key, c)
	}
	if asks {
		return c
	}
	// PreFilter may run twice in a cycle: the pod is counted once, and the plugin's earlier word is none against itself.
	at := slices.IndexFunc(c.judging, func(j judging) bool { return j.rule == r })
	again := at >= 0 && c.judging[at].over == nil
	if at < 0 {
		at = len(c.judging)
		c.judging = append(c.judging, judging{rule: r})
	}
	c.judging[at].over = over
	if !c.refusesAll(nodes) {
		return c
	}
	c.judging[at].over = nil
	if !again {
		r.passed.Add(1)
	}
	return nil
}

// refusesAll says whether there are nodes that the pod may go to, and each is over by some plugin.
func (c *Cycle) refusesAll(nodes []fwk.NodeInfo) (found bool) {
	for _, n := range nodes {
		if !c.allowed.On(n.Node()) {
			continue
		}
		if !slices.ContainsFunc(c.judging, func(j judging) bool { return j.over != nil && j.over(n) }) {
			return false
		}
		found = true
	}
	return found
}

// Refuse returns the status of a node that is refused. Where the node would be with all of its pods gone, too, it is so for good, and
// no eviction helps. The pod is tried again.
func (c *Cycle) Refuse(pod *v1.Pod, forGood bool, reasons ...string) *fwk.Status {
	if !c.noted.Swap(true) {
		c.shared.Refused.Add(pod)
	}
	if forGood {
		return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, reasons...)
	}
	return fwk.NewStatus(fwk.Unschedulable, reasons...)
}

// TryAgain has a pod tried again, with the next forecast, that was refused all nodes at once.
func (r *Rule) TryAgain(pod *v1.Pod) { r.shared.Refused.Add(pod) }

// Events are what may cure a refusal, for EventsToRegister.
func (r *Rule) Events() []fwk.ClusterEventWithHint { return r.shared.Refused.Events() }
