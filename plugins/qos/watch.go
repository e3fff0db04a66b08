// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/outcome"
)

// Reserve notes what the pod is predicted to get on the node that was chosen, and with which chance it was chosen.
func (p *PredictedQoS) Reserve(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodeName string) *fwk.Status {
	c := cycleIn(state)
	if c == nil {
		return nil
	}
	node, err := p.handle.SnapshotSharedLister().NodeInfos().Get(nodeName)
	if err != nil {
		return nil //nolint:nilerr // A node that is not in the snapshot is upstream's to refuse; here there is nothing to note.
	}
	v := p.view(c, state, node)
	after := c.after(v).upper
	z := c.logOdds(v, after)
	d := &decision{uid: pod.UID, node: nodeName, workload: c.name, objective: c.objective, model: z - v.history.Dot(&c.workload)}
	if c.objective == Latency {
		if d.mayTake, err = responseTimeOf(pod, p.feedback.mayTake); err != nil {
			klog.FromContext(ctx).Info("The pod's response time is not judged", "pod", klog.KObj(pod), "reason", err.Error())
		}
	}
	d.outcome = outcome.Outcome{Risk: float64(quality.Probability(z)), Plain: float64(after), Propensity: 1 / float64(max(c.asGood, 1)), Node: nodeName, Objective: c.objective.String()}
	d.outcome.X[quality.OwnCPU] = c.own.Peaks[horizon][predict.CPU].Mean * float64(v.cpu.per)
	d.outcome.X[quality.NodeCPU], d.outcome.X[quality.Pressure] = float64(after), float64(v.pressure)
	c.decision = d
	return nil
}

// Unreserve forgets the decision: it did not come true.
func (p *PredictedQoS) Unreserve(_ context.Context, state fwk.CycleState, _ *v1.Pod, _ string) {
	if c := cycleIn(state); c != nil {
		c.decision = nil
	}
}

// PostBind begins to watch what comes of the decision.
func (p *PredictedQoS) PostBind(_ context.Context, state fwk.CycleState, _ *v1.Pod, _ string) {
	if c := cycleIn(state); c != nil && c.decision != nil {
		c.decision.bound = p.feedback.now()
		c.decision.outcome.Bound = c.decision.bound
		p.feedback.decided(c.decision)
	}
}

// listen follows what becomes of pods and nodes, until ctx ends.
func (p *PredictedQoS) listen(ctx context.Context) error {
	informers := p.handle.SharedInformerFactory()
	if informers == nil {
		return nil
	}
	pods, nodes := informers.Core().V1().Pods().Informer(), informers.Core().V1().Nodes().Informer()
	ofPods, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, obj any) {
			if pod, ok := obj.(*v1.Pod); ok {
				p.observe(pod)
			}
		},
		DeleteFunc: func(obj any) {
			if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = gone.Obj
			}
			if pod, ok := obj.(*v1.Pod); ok {
				p.feedback.gone(pod.UID)
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
				p.feedback.notReady(is.Name)
			}
		},
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		_ = pods.RemoveEventHandler(ofPods)
		_ = nodes.RemoveEventHandler(ofNodes)
	})
	return nil
}

// observe tells of a pod that lost its service, or ended.
func (p *PredictedQoS) observe(pod *v1.Pod) {
	if reason := disrupted(pod); reason != "" {
		p.feedback.violated(pod.UID, reason)
		return
	}
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		p.feedback.gone(pod.UID)
	}
}

// disrupted says how a pod lost its service, or "" where it did not. A pod that failed by itself did not.
func disrupted(pod *v1.Pod) string {
	if pod.Status.Phase == v1.PodFailed && (pod.Status.Reason == "Evicted" || pod.Status.Reason == "NodeLost" || pod.Status.Reason == "NodeShutdown") {
		return "eviction"
	}
	for i := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[i]
		for _, state := range []*v1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
			if state != nil && state.Reason == "OOMKilled" {
				return "oom_kill"
			}
		}
		if s.RestartCount > 0 {
			return "restart"
		}
	}
	return ""
}

func ready(n *v1.Node) bool {
	for i := range n.Status.Conditions {
		if c := &n.Status.Conditions[i]; c.Type == v1.NodeReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}
