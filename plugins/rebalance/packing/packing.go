// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package packing empties nodes, one at a time, so that a cluster autoscaler can remove them.
//
// The leader's loop asks an Emptier at each look (rebalance.Packer). It chooses a node all of whose
// pods would go elsewhere by the scheduler's own dry run (choose.go) and marks it by a soft taint
// (nodes.go). It then names one pod after the other to evict, and before each tries again all that
// are left. As soon as one of them may not or cannot go, it gives up and removes the mark. The mark
// and its time are kept in the cluster, so the next leader can go on.
package packing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// World is an Emptier's access to the cluster.
type World interface {
	rebalance.DryRun
	rebalance.Elsewhere
	// Mark marks a node as being emptied, or removes the mark.
	Mark(ctx context.Context, node string, on bool, now time.Time) error
	// Protected reports whether a PodDisruptionBudget allows no eviction of the pod now.
	Protected(pod *rebalance.Pod) bool
	// Waiting reports whether there are pods that wait because they fit nowhere.
	Waiting() bool
	// TellNode sends an event of a node. result is a NodeRecord's.
	TellNode(node, result, note string)
}

// Options are those of an Emptier.
type Options struct {
	// Off is true if only marks that were left behind are removed.
	Off bool
	// Evicts is true if nodes are emptied, not only suggested.
	Evicts bool
	// Keep is how many of the nodes to choose among must stay, and Headroom the share of their CPU
	// and memory that must stay unrequested, 0–1.
	Keep     int
	Headroom float64
	// MaxPods is the most pods that may have to leave a node.
	MaxPods int
	// GiveUp is how long emptying may take, and Hold how long an empty node stays marked.
	GiveUp, Hold time.Duration
	// Again is how long a node is left alone after it was given up or suggested.
	Again time.Duration
	// Workload and Namespace are how many of their pods may move within an hour.
	Workload, Namespace int
}

// These are the results of a node, as records, events and metrics spell them.
const (
	Suggested = "suggested"
	Marked    = "marked"
	Emptied   = "emptied"
	Removed   = "removed"
	GivenUp   = "given-up"
)

const (
	// every is the number of looks for each choice of a node, over which its cost is spread.
	every = 3
	// seen is how long a mark may take to show in the scheduler's cache.
	seen = time.Minute
	// mostRecords is the number of records that are kept.
	mostRecords = 100
)

// Emptier empties nodes. Only Tell may be called while another method runs.
type Emptier struct {
	World   World
	Options Options
	Count   *Metrics

	now   *emptying
	looks int
	tried map[string]time.Time // until when a node is left alone

	lock    sync.Mutex
	records []rebalance.NodeRecord // the newest last
	at      string                 // node, for who asks
	since   time.Time
}

// emptying is the node that is being emptied.
type emptying struct {
	node  string
	since time.Time
	empty time.Time // since when; zero is not yet
	moved int
}

// Look continues with the node that is being emptied, or chooses one.
func (e *Emptier) Look(ctx context.Context, c *rebalance.Cluster, p *rebalance.Planner, quiet bool) *rebalance.Move {
	e.adopt(ctx, c)
	defer e.tellNow()
	if e.now != nil {
		return e.goOn(ctx, c, p, quiet)
	}
	if e.looks++; !e.Options.Off && quiet && e.looks%every == 1 {
		e.choose(ctx, c, p)
	}
	return nil
}

// adopt continues with the node that the previous leader was emptying, and removes all other marks
// of this scheduler.
func (e *Emptier) adopt(ctx context.Context, c *rebalance.Cluster) {
	var oldest *rebalance.Node
	for i := range c.Nodes {
		if n := &c.Nodes[i]; !n.Marked.IsZero() && (oldest == nil || n.Marked.Before(oldest.Marked)) {
			oldest = n
		}
	}
	if oldest != nil && e.now == nil && e.Options.Evicts && c.Now.Sub(oldest.Marked) < e.Options.GiveUp+e.Options.Hold && e.left(oldest.Name, c.Now) {
		e.now = &emptying{node: oldest.Name, since: oldest.Marked}
		klog.FromContext(ctx).Info("Going on with a node that is being emptied", "node", oldest.Name, "since", oldest.Marked)
	}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; !n.Marked.IsZero() && (e.now == nil || e.now.node != n.Name) {
			e.unmark(ctx, c.Now, n.Name, Leftover, fmt.Sprintf("%s was marked as being emptied at %s, and is not being emptied", n.Name, n.Marked.UTC().Format(time.RFC3339)))
		}
	}
}

// left reports whether this process has not given the node up a short time ago. If it has, the
// node's mark could not be removed or is about to go.
func (e *Emptier) left(node string, now time.Time) bool { return !now.Before(e.tried[node]) }

// goOn returns the next move off the node, or nil.
func (e *Emptier) goOn(ctx context.Context, c *rebalance.Cluster, p *rebalance.Planner, quiet bool) *rebalance.Move {
	// 1. Is it still to be emptied?
	at := -1
	for i := range c.Nodes {
		if c.Nodes[i].Name == e.now.node {
			at = i
		}
	}
	if at < 0 {
		e.tell(c.Now, e.now.node, Removed, "", fmt.Sprintf("%s was removed %s after it was chosen; %d pods were moved off it", e.now.node, c.Now.Sub(e.now.since).Round(time.Second), e.now.moved))
		e.now = nil
		return nil
	}
	n := &c.Nodes[at]
	switch waited := c.Now.Sub(e.now.since); {
	case n.Marked.IsZero() && waited < seen:
		return nil
	case n.Marked.IsZero():
		e.end(c.Now, Unmarked)
		return nil
	case n.Kept == Removing && waited < e.Options.GiveUp+e.Options.Hold:
		return nil // An autoscaler drains it by its own rules.
	case n.Kept != "":
		return e.giveUp(ctx, c.Now, n.Kept)
	}
	for _, pod := range n.Pods {
		if pod.Created.After(e.now.since) && pod.Fixed != rebalance.OfDaemonSet && pod.Fixed != rebalance.Static {
			return e.giveUp(ctx, c.Now, Came)
		}
	}
	pods, reason := n.Leaving()
	switch {
	case reason == "" && len(pods) == 0:
		return e.hold(ctx, c.Now)
	case c.Now.Sub(e.now.since) >= e.Options.GiveUp:
		return e.giveUp(ctx, c.Now, TimeOut)
	case reason == rebalance.Deleting, reason == rebalance.NotRunning, reason == rebalance.Unsure, reason == rebalance.Unmeasured:
		return nil // That passes.
	case reason != "":
		return e.giveUp(ctx, c.Now, reason)
	}
	e.now.empty = time.Time{}

	// 2. Can all that are left still go?
	for _, pod := range pods {
		if e.World.Protected(pod) {
			return e.giveUp(ctx, c.Now, rebalance.Disrupts)
		}
	}
	if !quiet || e.World.Waiting() {
		return nil
	}
	moves, _, reason, err := p.Empty(ctx, c, e.World, at, pods)
	switch {
	case err != nil:
		klog.FromContext(ctx).Error(err, "Emptying a node: asking the scheduler failed", "node", n.Name)
		return nil
	case reason != "":
		return e.giveUp(ctx, c.Now, reason)
	}
	if reason := e.spare(roomOf(c), n, asked(pods)); reason != "" {
		return e.giveUp(ctx, c.Now, reason)
	}

	// 3. Move the first pod that may go now. Budgets recover, and the time passes in which a new
	// leader takes young pods for moved. The scheduler, which sees the mark, must not put the pod
	// back.
	for i := range moves {
		m := &moves[i]
		if p.MayLeave(c, m.Pod, n.Name) != "" {
			continue
		}
		best, err := e.World.Best(ctx, m.Pod, n.Name, nil)
		if err != nil {
			return nil
		}
		for _, name := range best {
			if name == n.Name {
				return e.giveUp(ctx, c.Now, rebalance.Stays)
			}
		}
		m.Left = len(moves) - 1
		return m
	}
	return nil
}

// hold keeps the empty node marked for a while.
func (e *Emptier) hold(ctx context.Context, now time.Time) *rebalance.Move {
	if e.now.empty.IsZero() {
		e.now.empty = now
		e.tell(now, e.now.node, Emptied, "", fmt.Sprintf("%s is empty, %d pods were moved off it; it stays marked for %s, so that an autoscaler can remove it", e.now.node, e.now.moved, e.Options.Hold))
	}
	// Each new leader sees it empty for the first time; the mark's own time limits them all.
	if now.Sub(e.now.empty) >= e.Options.Hold || now.Sub(e.now.since) >= e.Options.GiveUp+e.Options.Hold {
		return e.giveUp(ctx, now, NotRemoved)
	}
	return nil
}

// giveUp ends the emptying and removes the mark.
func (e *Emptier) giveUp(ctx context.Context, now time.Time, why rebalance.Reason) *rebalance.Move {
	node := e.now.node
	e.end(now, why)
	if err := e.World.Mark(ctx, node, false, now); err != nil {
		// The next look treats the mark as a leftover.
		klog.FromContext(ctx).Error(err, "Taking the mark off a node that is not emptied failed", "node", node)
	}
	return nil
}

// end ends the emptying of a node.
func (e *Emptier) end(now time.Time, why rebalance.Reason) {
	e.leave(e.now.node, now.Add(max(e.Options.Again, seen)))
	e.tell(now, e.now.node, GivenUp, why, fmt.Sprintf("%s is not emptied (%s); %d pods were moved off it", e.now.node, why, e.now.moved))
	e.now = nil
}

// unmark removes a mark of a node that is not being emptied.
func (e *Emptier) unmark(ctx context.Context, now time.Time, node string, why rebalance.Reason, note string) {
	if err := e.World.Mark(ctx, node, false, now); err != nil {
		klog.FromContext(ctx).Error(err, "Taking the mark off a node that is not emptied failed", "node", node)
		return
	}
	if e.left(node, now) {
		e.tell(now, node, GivenUp, why, note)
	}
}

// Moved counts the eviction of a move's pod.
func (e *Emptier) Moved(*rebalance.Move) { e.now.moved++ }

// Refused gives the node up: a pod that may not leave now may not in minutes either.
func (e *Emptier) Refused(ctx context.Context, m *rebalance.Move, why rebalance.Reason) {
	e.giveUp(ctx, m.At, why)
	e.tellNow()
}

// Forget drops what was begun. The mark stays for the next leader.
func (e *Emptier) Forget() {
	e.now, e.tried, e.looks = nil, nil, 0
	e.tellNow()
}

// leave has a node left alone until the given time.
func (e *Emptier) leave(node string, until time.Time) {
	if e.tried == nil {
		e.tried = map[string]time.Time{}
	}
	e.tried[node] = until
}
