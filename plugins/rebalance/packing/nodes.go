// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// These are the reasons why a node is not emptied, besides those of package rebalance.
const (
	ControlPlane rebalance.Reason = "control-plane"
	KeptByOwner  rebalance.Reason = "kept"         // its annotations ask autoscalers to leave it
	NotSelected  rebalance.Reason = "not-selected" // nodeSelector
	NotReady     rebalance.Reason = "not-ready"    // or cordoned
	Removing     rebalance.Reason = "removing"     // an autoscaler is at it
	Young        rebalance.Reason = "young"        // minNodeAge
	MarkedByElse rebalance.Reason = "marked"       // as being emptied, by another scheduler
	TooFew       rebalance.Reason = "few"          // keepNodes
	NoHeadroom   rebalance.Reason = "headroom"     // headroomPercent
	Pending      rebalance.Reason = "pending"      // pods wait for room
	Tried        rebalance.Reason = "tried"        // a short time ago
	Slow         rebalance.Reason = "slow"         // the budgets of maxMoves let its pods go too slowly
	Came         rebalance.Reason = "came"         // a pod came while it was being emptied
	TimeOut      rebalance.Reason = "time"         // giveUpAfter
	NotRemoved   rebalance.Reason = "not-removed"  // empty for holdFor, and still there
	Unmarked     rebalance.Reason = "unmarked"     // somebody took the mark off
	Leftover     rebalance.Reason = "leftover"     // marked, and nobody is emptying it
)

// Nodes tells which nodes may be emptied.
type Nodes struct {
	Selector labels.Selector
	MinAge   time.Duration
	// By is the name of this scheduler in its marks.
	By string
}

// Of returns whether packing chooses among the node and others, why the node is not emptied ("" is
// no reason), and since when this scheduler has marked it.
func (s *Nodes) Of(node *v1.Node, now time.Time) (packed bool, kept rebalance.Reason, marked time.Time) {
	by, since, emptying := claims.Emptying(node)
	ours := emptying && by == s.By
	if ours {
		// A time that cannot be read counts as long past.
		if marked = since; marked.IsZero() {
			marked = time.Unix(1, 0)
		}
	}
	selected, usable := s.Selector.Matches(labels.Set(node.Labels)), ready(node) && !node.Spec.Unschedulable
	_, control := node.Labels["node-role.kubernetes.io/control-plane"]
	_, master := node.Labels["node-role.kubernetes.io/master"]
	switch {
	case control || master:
		kept = ControlPlane
	case claims.BeingRemoved(node):
		kept = Removing
	case claims.KeepsNode(node):
		kept = KeptByOwner
	case !selected:
		kept = NotSelected
	case !usable:
		kept = NotReady
	case emptying && !ours:
		kept = MarkedByElse
	case now.Sub(node.CreationTimestamp.Time) < s.MinAge:
		kept = Young
	}
	return selected && usable && kept != Removing && kept != ControlPlane, kept, marked
}

func ready(node *v1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c v1.NodeCondition) bool {
		return c.Type == v1.NodeReady && c.Status == v1.ConditionTrue
	})
}

// Mark returns the merge patch that marks a node as being emptied by a scheduler, or removes the
// mark. Since taints are patched as a whole, the API server refuses the patch if the node has
// changed meanwhile. The patch is nil if there is nothing to do or the mark belongs to another
// scheduler.
func Mark(node *v1.Node, by string, on bool, now time.Time) ([]byte, error) {
	who, _, marked := claims.Emptying(node)
	if marked && who != by || marked == on {
		return nil, nil
	}
	taints := slices.DeleteFunc(slices.Clone(node.Spec.Taints), func(t v1.Taint) bool { return t.Key == claims.EmptyingTaint })
	name := any(nil)
	if on {
		// With PreferNoSchedule, the mark keeps no pod from running that fits nowhere else.
		taints = append(taints, v1.Taint{Key: claims.EmptyingTaint, Value: strconv.FormatInt(now.Unix(), 10), Effect: v1.TaintEffectPreferNoSchedule})
		name = by
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": node.ResourceVersion, "annotations": map[string]any{claims.EmptyingBy: name}},
		"spec":     map[string]any{"taints": taints},
	})
}
