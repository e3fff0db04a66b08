// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// maxNote is how many bytes of an event's note the API server takes, less a few.
const maxNote = 1000

// Closest says in figures what keeps a pod waiting, of the node that is closest to taking it; "" where there is nothing to add to
// upstream's message.
type Closest func(state fwk.CycleState, nodes fwk.NodeInfoLister, statuses fwk.NodeToStatusReader) string

// Tell has pods told in a sentence why they are where they are, in the Scheduled event that upstream writes anyway, and by which figures
// they wait, in upstream's own message. So it costs the API server no request. Call it before the scheduler runs.
func (w *Watcher) Tell(sched *scheduler.Scheduler, closest Closest) {
	for name, profile := range sched.Profiles {
		sched.Profiles[name] = &telling{Framework: profile, ring: w.Ring, closest: closest}
	}
}

type telling struct {
	framework.Framework
	ring    *decision.Ring
	closest Closest
}

// EventRecorder is upstream's, and adds the sentence.
func (t *telling) EventRecorder() events.EventRecorderLogger {
	return &recorder{t.Framework.EventRecorder(), t.ring}
}

// RunPostFilterPlugins is upstream's, and adds the figures: what it says is told behind the reasons that nodes were refused for.
func (t *telling) RunPostFilterPlugins(ctx context.Context, state fwk.CycleState, pod *v1.Pod, statuses fwk.NodeToStatusReader) (*fwk.PostFilterResult, *fwk.Status) {
	result, status := t.Framework.RunPostFilterPlugins(ctx, state, pod, statuses)
	if status.IsSuccess() || !status.IsRejected() || state.IsPodGroupSchedulingCycle() {
		return result, status
	}
	figures := t.closest(state, t.SnapshotSharedLister().NodeInfos(), statuses)
	if figures == "" {
		return result, status
	}
	if said := status.Message(); said != "" {
		figures += " " + said
	}
	return result, fwk.NewStatus(status.Code(), figures).WithPlugin(status.Plugin())
}

// recorder of events.
type recorder struct {
	events.EventRecorderLogger
	ring *decision.Ring
}

// WithLogger is upstream's.
func (r *recorder) WithLogger(logger klog.Logger) events.EventRecorderLogger {
	return &recorder{r.EventRecorderLogger.WithLogger(logger), r.ring}
}

// Eventf is upstream's.
func (r *recorder) Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any) {
	if reason == "FailedScheduling" && len(args) == 0 {
		// Upstream hands over its message as a format, and figures may have a percent sign.
		note, args = "%s", []any{note}
	}
	if pod, ok := regarding.(*v1.Pod); ok && reason == "Scheduled" && action == "Binding" {
		said := fmt.Sprintf(note, args...)
		if why := r.why(pod); why != "" && len(said)+len(": ") < maxNote {
			said += ": " + decision.CutTo(why, maxNote-len(said)-len(": "))
		}
		note, args = "%s", []any{said}
	}
	r.EventRecorderLogger.Eventf(regarding, related, eventtype, reason, action, note, args...)
}

// why a pod is where it is: as it was evaluated, if that is done by now. It is asked for every pod that is bound.
func (r *recorder) why(pod *v1.Pod) string {
	k := r.ring.Latest(string(pod.UID))
	if k == nil {
		k = r.ring.Of(pod.Namespace, pod.Name, string(pod.UID)) // one look at each record: for few pods
	}
	if k == nil {
		return ""
	}
	record := k.Bare()
	if record.Node != pod.Spec.NodeName {
		return ""
	}
	if e := k.Evaluation(); e != nil && e.Because != "" {
		return e.Because
	}
	return inShort(record)
}

// inShort is what is known of a decision that was not evaluated.
func inShort(r *decision.Record) string {
	switch {
	case r.Feasible == 1:
		return fmt.Sprintf("the only one of %d nodes that the pod may go to", r.Nodes)
	case r.Total == 0:
		return fmt.Sprintf("the best of %d nodes that the pod may go to", r.Feasible)
	case r.Alike > 1:
		return fmt.Sprintf("drawn among %d nodes that score %d, the best of %d that the pod may go to", r.Alike, r.Total, r.Feasible)
	}
	return fmt.Sprintf("it scores %d, the most of %d nodes that the pod may go to", r.Total, r.Feasible)
}
