// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package watch records what a scheduler decides. It stands around Scheduler.SchedulePod, which upstream exports, and so sees
// every cycle's beginning and end in the goroutine that schedules, whichever way the node was found.
package watch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
)

// Watcher writes the records of a scheduler. Its fields are set before Install.
type Watcher struct {
	Ring *decision.Ring
	// Epoch of the forecasts; nil is none.
	Epoch func() uint64
	// Evaluator may be nil.
	Evaluator Evaluator

	index Answer // of the cycle in hand
}

// Evaluator may look closer at a decision afterwards. Neither call waits.
type Evaluator interface {
	// Wants says whether it has time for one more.
	Wants() bool
	// Offer hands it a decision, and a number: nodes of a later generation have changed since the pod's cycle began.
	Offer(k *decision.Kept, pod *v1.Pod, generation int64)
}

// Answer is what the node index said in the cycle.
type Answer struct {
	Said            bool // else it was not asked
	Node            string
	Score           int64
	Alike, Feasible int
	Bypass          string
}

// Index takes what the index said; the goroutine that schedules calls it.
func (w *Watcher) Index(a Answer) { w.index = a }

// Install has the scheduler's decisions recorded. Call it before the scheduler runs.
func (w *Watcher) Install(sched *scheduler.Scheduler) {
	next := sched.SchedulePod
	sched.SchedulePod = func(ctx context.Context, f framework.Framework, state fwk.CycleState, pod *framework.QueuedPodInfo) (scheduler.ScheduleResult, error) {
		if state.IsPodGroupSchedulingCycle() {
			// Upstream tries a group out in several orders; what comes of it is not decided here.
			return next(ctx, f, state, pod)
		}
		w.index = Answer{}
		var began int64
		if w.Evaluator != nil && w.Evaluator.Wants() {
			began = generation()
		}
		start := time.Now()
		result, err := next(ctx, f, state, pod)
		k := w.record(f, state, pod.Pod, start, &result, err)
		if began > 0 {
			w.Evaluator.Offer(k, pod.Pod, began)
		}
		return result, err
	}
}

func (w *Watcher) record(f framework.Framework, state fwk.CycleState, pod *v1.Pod, start time.Time, result *scheduler.ScheduleResult, err error) *decision.Kept {
	record := decision.Record{
		Pod:  decision.Pod{Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID)},
		Time: start, Profile: f.ProfileName(), Node: result.SuggestedHost, TookMicroseconds: time.Since(start).Microseconds(),
	}
	if epoch, ok := cycle.EpochIn(state); ok {
		record.Epoch = epoch
	} else if w.Epoch != nil {
		record.Epoch = w.Epoch()
	}
	arm := cycle.ArmIn(state)
	record.HeldOut, record.Chance = arm.HeldOut, arm.Chance
	said := &w.index
	switch {
	case err == nil && said.Said && said.Node == result.SuggestedHost && result.EvaluatedNodes == 1:
		record.Path, record.Total, record.Alike, record.Feasible = decision.ByIndex, said.Score, said.Alike, said.Feasible
	case said.Bypass != "":
		record.Path, record.Why = decision.BySearch, said.Bypass
	case said.Node != "":
		record.Path, record.Why = decision.BySearch, "a filter refused the index's node"
	default:
		record.Path = decision.BySearch
	}
	if record.Path == decision.BySearch {
		record.Feasible = result.FeasibleNodes
	}
	if all, errList := f.SnapshotSharedLister().NodeInfos().List(); errList == nil { // It is a slice, and costs nothing.
		record.Nodes = len(all)
	}
	if err != nil {
		record.Waits = waits(err)
	}
	return w.Ring.Add(record)
}

// waits says why a pod waits, in a few words: to say it of each node, as upstream's events do, takes a look at every node.
func waits(err error) string {
	var fit *framework.FitError
	if !errors.As(err, &fit) {
		return decision.Cut(err.Error())
	}
	if fit.Diagnosis.PreFilterMsg != "" {
		return decision.Cut(fit.Diagnosis.PreFilterMsg)
	}
	plugins := fit.Diagnosis.UnschedulablePlugins.UnsortedList()
	slices.Sort(plugins)
	return "refused by " + strings.Join(plugins, ", ")
}

// generation is one that no node has had yet: those that change from now on have a later one. Upstream numbers the changes of all
// nodes, and tells the number in no other way.
func generation() int64 { return framework.NewNodeInfo().GetGeneration() }
