// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package packing empties nodes, one at a time, so that a cluster autoscaler can remove them.
//
// The leader's loop asks an Emptier at each look (rebalance.Packer). It chooses a node all of whose pods would go elsewhere by the scheduler's own dry run
// (choose.go), marks it by a soft taint (nodes.go), and names one pod after the other that is to be evicted, each after all that are left were tried
// again. It gives up, and takes the mark off, as soon as one of them may not or cannot go. Nothing of it is kept in memory only: who leads next finds the
// mark with its time, and goes on.
package packing

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// World is what an Emptier asks of the cluster, and does to it.
type World interface {
	rebalance.DryRun
	rebalance.Elsewhere
	// Mark marks a node as one that is being emptied, or takes that off.
	Mark(ctx context.Context, node string, on bool, now time.Time) error
	// Protected says that a PodDisruptionBudget allows no eviction of the pod now.
	Protected(pod *rebalance.Pod) bool
	// Waiting says whether pods wait that fit nowhere.
	Waiting() bool
	// TellNode tells of a node in an event. The result is a NodeRecord's.
	TellNode(node, result, note string)
}

// Options of an Emptier.
type Options struct {
	// Off says that nothing is done but to take marks off that were left behind.
	Off bool
	// Evicts says that nodes are emptied; else they are suggested.
	Evicts bool
	// Keep is how many of the nodes to choose among stay at least, and Headroom which share of their CPU and memory is not requested then, 0–1.
	Keep     int
	Headroom float64
	// MaxPods that have to leave a node.
	MaxPods int
	// GiveUp is how long emptying may take, and Hold how long the empty node is kept out of use.
	GiveUp, Hold time.Duration
	// Again is how long a node is left alone after it was given up or suggested.
	Again time.Duration
	// Workload and Namespace are how many of their pods may move within an hour.
	Workload, Namespace int
}

// Results of a node, as records, events and metrics have them.
const (
	Suggested = "suggested"
	Marked    = "marked"
	Emptied   = "emptied"
	Removed   = "removed"
	GivenUp   = "given-up"
)

const (
	// every so many looks a node is chosen; what it costs is then spread over them.
	every = 3
	// seen is how long a mark may take to show in what the scheduler sees.
	seen = time.Minute
	// mostRecords are kept.
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

// emptying is a node that is being emptied.
type emptying struct {
	node  string
	since time.Time
	empty time.Time // since when; zero is not yet
	moved int
}

// Look goes on with the node that is being emptied, or chooses one.
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

// adopt takes the node that the leader before was emptying for one that this one is, and takes all other marks of ours off.
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

// left says that this process has not given a node up a short time ago: then its mark is one that could not be taken off, or is about to go.
func (e *Emptier) left(node string, now time.Time) bool { return !now.Before(e.tried[node]) }

// goOn returns the next pod that leaves the node.
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

	// 3. The first one that may go now: budgets pass, and so does the time in which a leader takes young pods for moved. The scheduler, which sees the mark, must not put it back.
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

// hold keeps the empty node out of use for a while.
func (e *Emptier) hold(ctx context.Context, now time.Time) *rebalance.Move {
	if e.now.empty.IsZero() {
		e.now.empty = now
		e.tell(now, e.now.node, Emptied, "", fmt.Sprintf("%s is empty, %d pods were moved off it; it stays marked for %s, so that an autoscaler can remove it", e.now.node, e.now.moved, e.Options.Hold))
	}
	// Each leader sees it empty for the first time; the mark's own time bounds them all.
	if now.Sub(e.now.empty) >= e.Options.Hold || now.Sub(e.now.since) >= e.Options.GiveUp+e.Options.Hold {
		return e.giveUp(ctx, now, NotRemoved)
	}
	return nil
}

// giveUp takes the mark off.
func (e *Emptier) giveUp(ctx context.Context, now time.Time, why rebalance.Reason) *rebalance.Move {
	node := e.now.node
	e.end(now, why)
	if err := e.World.Mark(ctx, node, false, now); err != nil {
		// It is a leftover at the next look.
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

// unmark takes off a mark that nobody stands for.
func (e *Emptier) unmark(ctx context.Context, now time.Time, node string, why rebalance.Reason, note string) {
	if err := e.World.Mark(ctx, node, false, now); err != nil {
		klog.FromContext(ctx).Error(err, "Taking the mark off a node that is not emptied failed", "node", node)
		return
	}
	if e.left(node, now) {
		e.tell(now, node, GivenUp, why, note)
	}
}

// Moved takes that the pod of a move was evicted.
func (e *Emptier) Moved(*rebalance.Move) { e.now.moved++ }

// Refused gives the node up: what may not leave it now may not in minutes either.
func (e *Emptier) Refused(ctx context.Context, m *rebalance.Move, why rebalance.Reason) {
	e.giveUp(ctx, m.At, why)
	e.tellNow()
}

// Forget what was begun. The mark stays for who leads next.
func (e *Emptier) Forget() {
	e.now, e.tried, e.looks = nil, nil, 0
	e.tellNow()
}

// leave a node alone until then.
func (e *Emptier) leave(node string, until time.Time) {
	if e.tried == nil {
		e.tried = map[string]time.Time{}
	}
	e.tried[node] = until
}
