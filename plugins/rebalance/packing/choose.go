// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// retry is how long a node is left alone that could not be emptied.
const retry = time.Hour

// candidate is a node that might be emptied, with the pods that must leave it.
type candidate struct {
	at        int
	pods      []*rebalance.Pod
	requested forecast.Amounts
}

// choose marks, or suggests, the first node that can be emptied. Nodes whose pods request the least
// CPU come first.
func (e *Emptier) choose(ctx context.Context, c *rebalance.Cluster, p *rebalance.Planner) {
	maps.DeleteFunc(e.tried, func(_ string, until time.Time) bool { return !c.Now.Before(until) })
	kept := map[rebalance.Reason]int{}
	defer func() { e.Count.kept(kept) }()
	if e.World.Waiting() {
		kept[Pending]++
		return
	}
	asks := e.Options.MaxPods // of one look
	for _, can := range e.candidates(c, p, kept) {
		n := &c.Nodes[can.at]
		if slices.ContainsFunc(can.pods, e.World.Protected) {
			kept[rebalance.Disrupts]++
			e.leave(n.Name, c.Now.Add(retry))
			continue
		}
		if len(can.pods) > asks {
			break
		}
		asks -= len(can.pods)
		moves, harm, reason, err := p.Empty(ctx, c, e.World, can.at, can.pods)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Looking for a node to empty failed", "node", n.Name)
			return
		}
		if reason != "" {
			kept[reason]++
			e.leave(n.Name, c.Now.Add(retry))
			continue
		}
		note := fmt.Sprintf("%s can be emptied: its %d pods would go to other nodes (%s first, to %s), and all nodes together would use %.0f core-minutes more beyond what they run well at",
			n.Name, len(moves), moves[0].Pod.Namespace+"/"+moves[0].Pod.Name, moves[0].To, harm)
		if !e.Options.Evicts {
			e.leave(n.Name, c.Now.Add(max(e.Options.Again, retry)))
			e.tell(c.Now, n.Name, Suggested, "", note)
			return
		}
		if err := e.World.Mark(ctx, n.Name, true, c.Now); err != nil {
			klog.FromContext(ctx).Error(err, "Marking a node that is to be emptied failed", "node", n.Name)
			e.leave(n.Name, c.Now.Add(retry))
			e.tell(c.Now, n.Name, GivenUp, rebalance.Failed, note+". Marking it failed: "+rebalance.Cut(err.Error()))
			return
		}
		e.now = &emptying{node: n.Name, since: c.Now}
		e.tell(c.Now, n.Name, Marked, "", note)
		return
	}
}

// candidates returns the nodes that may be emptied as far as is known without asking the scheduler,
// those whose pods request the least CPU first.
func (e *Emptier) candidates(c *rebalance.Cluster, p *rebalance.Planner, kept map[rebalance.Reason]int) (all []candidate) {
	rest := roomOf(c)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if !n.Packed {
			continue
		}
		pods, reason := n.Leaving()
		can := candidate{i, pods, asked(pods)}
		switch {
		case reason == "" && len(pods) == 0:
			continue // It is empty.
		case n.Kept != "":
			reason = n.Kept
		case reason != "":
		case c.Now.Before(e.tried[n.Name]):
			reason = Tried
		case len(pods) > e.Options.MaxPods:
			reason = rebalance.Many
		case e.slow(pods):
			reason = Slow
		case slices.ContainsFunc(pods, func(pod *rebalance.Pod) bool { return p.MayLeave(c, pod, n.Name) == rebalance.TooSoon }):
			reason = rebalance.TooSoon
		default:
			reason = e.spare(rest, n, can.requested)
		}
		if reason != "" {
			kept[reason]++
			continue
		}
		all = append(all, can)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.requested[forecast.CPU], b.requested[forecast.CPU]) })
	return all
}

// asked returns the sum of the pods' requests, in cores and bytes.
func asked(pods []*rebalance.Pod) (sum forecast.Amounts) {
	for _, p := range pods {
		sum[forecast.CPU] += p.Asked
		sum[forecast.Memory] += p.AskedBytes
	}
	return sum
}

// slow reports whether the budgets of workloads or namespaces let the pods go too slowly to empty
// the node in time. For example, with GiveUp = 2 h and Workload = 1 an hour, at most two pods of a
// workload can leave.
func (e *Emptier) slow(pods []*rebalance.Pod) bool {
	hours := max(1, int(e.Options.GiveUp/time.Hour))
	workloads, namespaces := map[string]int{}, map[string]int{}
	for _, p := range pods {
		workloads[p.Workload]++
		namespaces[p.Namespace]++
		if workloads[p.Workload] > e.Options.Workload*hours || namespaces[p.Namespace] > e.Options.Namespace*hours {
			return true
		}
	}
	return false
}

// room is the total size of the nodes that packing chooses among, and what is requested of it.
// Marked nodes count as gone.
type room struct {
	nodes           int
	size, requested forecast.Amounts
}

func roomOf(c *rebalance.Cluster) (r room) {
	for i := range c.Nodes {
		if n := &c.Nodes[i]; n.Packed && n.Marked.IsZero() {
			r.add(n, 1)
		}
	}
	return r
}

func (r *room) add(n *rebalance.Node, sign float64) {
	r.nodes += int(sign)
	for k := range r.size {
		r.size[k] += sign * n.Size[k]
		r.requested[k] += sign * n.Requested[k]
	}
}

// spare returns why the nodes cannot spare n, whose pods would go to the others, or "" if they can.
// For example, if 100 cores are left and Headroom = .2, at most 80 may be requested, including
// those pods.
func (e *Emptier) spare(rest room, n *rebalance.Node, pods forecast.Amounts) rebalance.Reason {
	if n.Marked.IsZero() {
		rest.add(n, -1)
	}
	if rest.nodes < e.Options.Keep {
		return TooFew
	}
	for k := range rest.size {
		if rest.requested[k]+pods[k] > (1-e.Options.Headroom)*rest.size[k] {
			return NoHeadroom
		}
	}
	return ""
}
