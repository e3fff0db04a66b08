// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verdict is the one rule by which predictions refuse nodes to pods, whichever plugin
// predicts:
//
//   - A DaemonSet's pod is refused no node, since it belongs to its own.
//   - If the predictions of all plugins together would refuse every node that a pod may go to, they
//     are more likely wrong than the nodes are full. The plugin that would refuse the last node
//     then refuses none to the pod, and this is counted.
//   - A pod that asks to be held to its predictions is refused nodes in both cases.
//   - The status of a refusal tells whether preemption can help.
//   - A pod that was refused a node is tried again with the next forecast, and at events that may
//     help.
//
// If too little is known to refuse any node, the plugin itself decides so and does not ask.
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

// Verdicts are the state that the plugins of one process share. The zero value is ready, and safe
// for concurrent use.
type Verdicts struct {
	Refused refused.Pods

	lock   sync.Mutex
	passed map[who]*atomic.Int64
}

// who identifies a plugin of a profile.
type who struct{ profile, plugin string }

// Rule is the rule as applied by one plugin of a profile.
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

// Passed returns the number of pods to which a plugin refused no node because none would have been
// left.
func (v *Verdicts) Passed(profile, plugin string) int64 {
	v.lock.Lock()
	defer v.lock.Unlock()
	if n := v.passed[who{profile, plugin}]; n != nil {
		return n.Load()
	}
	return 0
}

// Cycle is the verdict on the pod of one cycle. If nil, the pod is refused no node.
type Cycle struct {
	shared  *Verdicts
	uid     types.UID
	allowed Allowed
	judging []judging // PreFilter writes it, and no two plugins' run at once
	noted   atomic.Bool
}

// judging is a plugin that may refuse nodes to the pod. If over is nil, the plugin refuses it none.
type judging struct {
	rule *Rule
	over func(fwk.NodeInfo) bool
}

const key fwk.StateKey = "Verdicts"

// Clone returns the same state, since preemption's trials change nothing in it.
func (c *Cycle) Clone() fwk.StateData { return c }

// Begin is called in a plugin's PreFilter and returns the cycle's verdict, or nil if the plugin may
// refuse no node to the pod. over reports which nodes the plugin would refuse. A pod that asks to
// be held to its predictions may be refused nodes in any case.
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
	// PreFilter may run twice in a cycle. The pod is counted once, and the second call replaces
	// what the plugin said in the first.
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

// refusesAll reports whether there are nodes that the pod may go to and every one of them is over
// by some plugin.
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

// Refuse returns the status of a node that is refused, and has the pod tried again. forGood is true
// if the node would be refused even without any of its pods: then no eviction helps.
func (c *Cycle) Refuse(pod *v1.Pod, forGood bool, reasons ...string) *fwk.Status {
	if !c.noted.Swap(true) {
		c.shared.Refused.Add(pod)
	}
	if forGood {
		return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, reasons...)
	}
	return fwk.NewStatus(fwk.Unschedulable, reasons...)
}

// TryAgain has a pod that was refused all nodes at once tried again with the next forecast.
func (r *Rule) TryAgain(pod *v1.Pod) { r.shared.Refused.Add(pod) }

// Events returns the events that may end a refusal, for EventsToRegister.
func (r *Rule) Events() []fwk.ClusterEventWithHint { return r.shared.Refused.Events() }
