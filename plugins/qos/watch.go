// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/ends"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Reserve records the service that the pod is predicted to get on the chosen node, and the
// probability with which the node was chosen.
func (p *PredictedQoS) Reserve(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeName string) *fwk.Status {
	c := cycleIn(state)
	// A decision that the plugin had no part in is watched only if that costs little.
	if c == nil && (!p.fromModel || !p.feedback.HasRoom()) {
		return nil
	}
	node, err := p.handle.SnapshotSharedLister().NodeInfos().Get(nodeName)
	if err != nil {
		return nil // A node that is not in the snapshot is upstream's to refuse; here there is nothing to note.
	}
	if c == nil {
		view := p.service.views.Of(state, pod, 1)
		c = p.newCycle(p.frameOf(view.Snapshot), &view, pod, []fwk.NodeInfo{node})
	}
	v := p.view(c.frame, state, node)
	after := c.after(v).upper
	z := c.logOdds(v, after)
	d := &feedback.Decision{UID: pod.UID, Namespace: pod.Namespace, Pod: pod.Name, Node: nodeName, Workload: c.name, Objective: c.objective, Model: z - v.history.Dot(&c.workload) - v.company.Dot(&c.takes), Offset: c.offset, Beside: beside(node)}
	rule := p.rules.For(pod)
	if rule != nil {
		d.MayThrottle, d.Named = rule.Throttled, rule.Name
	}
	switch {
	case rule != nil && rule.Query != "":
		d.Query, d.MayTake = rule.Query, rule.AtMost
	case c.objective != objective.Latency:
	case rule != nil && rule.ResponseTime > 0:
		d.MayTake = rule.ResponseTime
	default:
		if d.MayTake, err = objective.ResponseTime(pod, p.responseTime, p.claims); err != nil {
			klog.FromContext(ctx).Info("The pod's response time is not judged", "pod", klog.KObj(pod), "reason", err.Error())
		}
	}
	d.Outcome = outcome.Outcome{Risk: float64(quality.Probability(z)), Plain: float64(after), Propensity: 1 / float64(max(c.asGood, 1)), Node: nodeName, Objective: c.objective.String()}
	d.Outcome.X[quality.OwnCPU] = c.own.Peaks[horizon][forecast.CPU].Mean * float64(v.cpu.per)
	d.Outcome.X[quality.NodeCPU], d.Outcome.X[quality.Pressure] = float64(after), float64(v.pressure)
	state.Write(reservedKey, reserved{d})
	return nil
}

const reservedKey = "Reserve" + Name

// reserved is the decision that Reserve recorded.
type reserved struct{ *feedback.Decision }

// Clone returns the same decision, since a pod is bound once.
func (r reserved) Clone() fwk.StateData { return r }

// Unreserve drops the decision, since the pod is not bound.
func (p *PredictedQoS) Unreserve(_ context.Context, state fwk.CycleState, _ *v1.Pod, _ string) {
	state.Delete(reservedKey)
}

// PostBind begins to watch the outcome of the decision.
func (p *PredictedQoS) PostBind(_ context.Context, state fwk.CycleState, pod *v1.Pod, _ string) {
	if data, err := state.Read(reservedKey); err == nil {
		p.feedback.Bound(data.(reserved).Decision)
	} else if p.fromModel {
		p.feedback.Unwatched(p.objectiveOf(pod), p.rules.NameFor(pod))
	}
}

// listen follows changes of pods and nodes until ctx ends.
func (p *PredictedQoS) listen(ctx context.Context) error {
	informers := p.handle.SharedInformerFactory()
	if informers == nil {
		return nil
	}
	pods, nodes := informers.Core().V1().Pods().Informer(), informers.Core().V1().Nodes().Informer()
	left := ends.NewSieve(ctx, func(pod *v1.Pod, _ time.Time) { p.feedback.Gone(pod.UID) })
	leave := func(pod *v1.Pod) {
		if p.feedback.Watches(pod.UID) {
			left.Left(pod)
		}
	}
	ofPods, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(before, after any) {
			was, ok := before.(*v1.Pod)
			is, okToo := after.(*v1.Pod)
			if ok && okToo && was.UID != is.UID { // While the watch was down another pod took its name.
				leave(was)
			}
			if okToo {
				p.feedback.Observe(is)
			}
		},
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			if pod, ok := obj.(*v1.Pod); ok {
				leave(pod)
			}
		},
	})
	if err != nil {
		return err
	}
	ofNodes, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(before, after any) {
			was, ok := before.(*v1.Node)
			is, okToo := after.(*v1.Node)
			if ok && okToo && ready(was) && !ready(is) {
				p.feedback.NotReady(is.Name)
			}
		},
	})
	if err != nil {
		return err
	}
	if client := p.handle.ClientSet(); client != nil {
		go ends.Follow(ctx, client, p.feedback.Observe)
	}
	context.AfterFunc(ctx, func() {
		_ = pods.RemoveEventHandler(ofPods)
		_ = nodes.RemoveEventHandler(ofNodes)
	})
	return nil
}

func ready(n *v1.Node) bool {
	for i := range n.Status.Conditions {
		if c := &n.Status.Conditions[i]; c.Type == v1.NodeReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}
