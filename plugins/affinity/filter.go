// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	"context"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
)

// ErrReasonServiceAffinity is the reason a node is refused for service affinity.
const ErrReasonServiceAffinity = "node(s) didn't match the labels of the node that the pod's Service runs on"

const filterStateKey = "PreFilter" + Name

// filterState is written for pods that service affinity binds, and only for them.
type filterState struct {
	// nodeAffinitySkipped: upstream's filter has nothing to say about this pod.
	nodeAffinitySkipped bool
	// open are the label keys whose values the Service decides; a key that the pod's
	// own nodeSelector settles is upstream's to judge.
	open      []string
	namespace string
	selectors []labels.Selector
	// members are the placed pods of the pod's Services.
	members []member
	// anchor is the node whose values count: the oldest member's; nil without members.
	anchor *v1.Node
}

// member is a placed pod of the Service.
type member struct {
	uid     types.UID
	created int64
	node    *v1.Node
}

// Clone lets AddPod and RemovePod change one node's what-if without another's.
func (s *filterState) Clone() fwk.StateData {
	c := *s
	c.members = slices.Clone(s.members)
	return &c
}

// settle picks the anchor. The oldest member decides, and of equals the one with the
// lowest UID, so that the answer does not hang on the order of nodes.
func (s *filterState) settle() {
	s.anchor = nil
	var oldest member
	for _, m := range s.members {
		if s.anchor == nil || m.created < oldest.created || m.created == oldest.created && m.uid < oldest.uid {
			oldest, s.anchor = m, m.node
		}
	}
}

func (s *filterState) has(pod *v1.Pod) bool {
	return pod.Namespace == s.namespace && selectedByAny(s.selectors, pod)
}

func memberOf(pod *v1.Pod, node *v1.Node) member {
	return member{uid: pod.UID, created: pod.CreationTimestamp.UnixNano(), node: node}
}

// PreFilter asks upstream, then finds where the pod's Service runs.
func (a *Affinity) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	result, status := a.node.PreFilter(ctx, state, pod, nodes)
	if !status.IsSuccess() && !status.IsSkip() {
		return result, status
	}
	if pod.Spec.NodeName != "" {
		// A deferred resize moves nowhere; upstream leaves it alone too.
		return result, status
	}
	r, err := a.rulesFor(pod)
	if err != nil {
		return nil, fwk.NewStatus(fwk.UnschedulableAndUnresolvable, err.Error())
	}
	open := slices.DeleteFunc(slices.Clone(r.together), func(key string) bool {
		_, settled := pod.Spec.NodeSelector[key]
		return settled
	})
	if len(open) == 0 {
		return result, status
	}
	selectors, err := a.serviceSelectors(pod)
	if err != nil {
		return nil, fwk.AsStatus(err)
	}
	if len(selectors) == 0 {
		return result, status
	}
	s := &filterState{nodeAffinitySkipped: status.IsSkip(), open: open, namespace: pod.Namespace, selectors: selectors}
	for _, n := range nodes {
		for _, p := range n.GetPods() {
			if s.has(p.GetPod()) {
				s.members = append(s.members, memberOf(p.GetPod(), n.Node()))
			}
		}
	}
	s.settle()
	state.Write(filterStateKey, s)
	return result, nil
}

// PreFilterExtensions keeps the anchor right while preemption tries out evictions.
func (a *Affinity) PreFilterExtensions() fwk.PreFilterExtensions { return a }

// AddPod counts the added pod where it belongs to the Service.
func (a *Affinity) AddPod(_ context.Context, state fwk.CycleState, _ *v1.Pod, added fwk.PodInfo, node fwk.NodeInfo) *fwk.Status {
	if s := filterStateIn(state); s != nil && s.has(added.GetPod()) {
		s.members = append(s.members, memberOf(added.GetPod(), node.Node()))
		s.settle()
	}
	return nil
}

// RemovePod stops counting the removed pod.
func (a *Affinity) RemovePod(_ context.Context, state fwk.CycleState, _ *v1.Pod, removed fwk.PodInfo, _ fwk.NodeInfo) *fwk.Status {
	if s := filterStateIn(state); s != nil && s.has(removed.GetPod()) {
		uid := removed.GetPod().UID
		s.members = slices.DeleteFunc(s.members, func(m member) bool { return m.uid == uid })
		s.settle()
	}
	return nil
}

// Filter refuses a node that upstream refuses, or whose labels differ from the
// anchor's. A label the anchor's node does not carry binds nobody.
func (a *Affinity) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeInfo fwk.NodeInfo) *fwk.Status {
	s := filterStateIn(state)
	if s == nil {
		return a.node.Filter(ctx, state, pod, nodeInfo)
	}
	if !s.nodeAffinitySkipped {
		if status := a.node.Filter(ctx, state, pod, nodeInfo); !status.IsSuccess() {
			return status
		}
	}
	if s.anchor == nil {
		return nil
	}
	node := nodeInfo.Node()
	for _, key := range s.open {
		want, ok := s.anchor.Labels[key]
		if !ok {
			continue
		}
		if got, ok := node.Labels[key]; !ok || got != want {
			// Evicting the Service's pods moves the anchor, so preemption may cure it.
			return fwk.NewStatus(fwk.Unschedulable, ErrReasonServiceAffinity)
		}
	}
	return nil
}

// filterStateIn is nil where service affinity does not bind the pod.
func filterStateIn(state fwk.CycleState) *filterState {
	return cyclestate.Of[*filterState](state, filterStateKey)
}
