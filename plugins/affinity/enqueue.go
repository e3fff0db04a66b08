// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	"context"
	"maps"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/util"

	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// services is how the framework names a resource it has no constant for.
const services fwk.EventResource = "services.v1."

// SignPod signs what upstream reads. Where a Service's other pods count, two equal
// pods do not get equal answers, so such a pod is not signed.
func (a *Affinity) SignPod(ctx context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	r, err := a.rulesFor(pod)
	if err == nil && r.empty() {
		return a.node.SignPod(ctx, pod)
	}
	if selectors, listErr := a.serviceSelectors(pod); err != nil || listErr != nil || len(selectors) > 0 {
		return nil, fwk.NewStatus(fwk.Unschedulable, "pods under service affinity or anti-affinity are not signed")
	}
	return a.node.SignPod(ctx, pod)
}

// EventsToRegister returns upstream's events, and those by which the pod's Service
// moves, appears, goes, or stops binding the pod.
func (a *Affinity) EventsToRegister(ctx context.Context) ([]fwk.ClusterEventWithHint, error) {
	events, err := a.node.EventsToRegister(ctx)
	if err != nil {
		return nil, err
	}
	for i := range events {
		if events[i].Event.Resource == fwk.Node {
			events[i].QueueingHintFn = a.hintAfterNode(events[i].QueueingHintFn)
		}
	}
	return append(events,
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Add | fwk.UpdatePodLabel | fwk.Delete},
			QueueingHintFn: a.hintAfterAssignedPod,
		},
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: fwk.TargetPod, ActionType: fwk.Update},
			QueueingHintFn: a.hintAfterTargetPod,
		},
		fwk.ClusterEventWithHint{
			Event:          fwk.ClusterEvent{Resource: services, ActionType: fwk.Add | fwk.Update | fwk.Delete},
			QueueingHintFn: a.hintAfterService,
		},
	), nil
}

// hintAfterNode also queues a pod when a label that its Service shares has changed:
// upstream looks only at the pod's own terms.
func (a *Affinity) hintAfterNode(upstream fwk.QueueingHintFn) fwk.QueueingHintFn {
	return func(logger klog.Logger, pod *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
		hint, err := upstream(logger, pod, oldObj, newObj)
		if err != nil || hint == fwk.Queue {
			return hint, err
		}
		r, err := a.rulesFor(pod)
		if err != nil {
			return fwk.QueueSkip, nil //nolint:nilerr // No node cures an annotation.
		}
		before, after, err := util.As[*v1.Node](oldObj, newObj)
		if err != nil {
			return fwk.Queue, err
		}
		if before == nil {
			return fwk.QueueSkip, nil
		}
		for _, key := range r.together {
			was, had := before.Labels[key]
			if is, has := after.Labels[key]; was != is || had != has {
				return fwk.Queue, nil
			}
		}
		return fwk.QueueSkip, nil
	}
}

func (a *Affinity) hintAfterAssignedPod(_ klog.Logger, pod *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
	before, after, err := util.As[*v1.Pod](oldObj, newObj)
	if err != nil {
		return fwk.Queue, err
	}
	if r, err := a.rulesFor(pod); err != nil || len(r.together) == 0 {
		return fwk.QueueSkip, nil //nolint:nilerr // Another pod does not cure an annotation.
	}
	selectors, err := a.serviceSelectors(pod)
	if err != nil {
		return fwk.Queue, err
	}
	for _, p := range []*v1.Pod{before, after} {
		if p != nil && p.Namespace == pod.Namespace && selectedByAny(selectors, p) {
			return fwk.Queue, nil
		}
	}
	return fwk.QueueSkip, nil
}

func (a *Affinity) hintAfterTargetPod(_ klog.Logger, _ *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
	before, after, err := util.As[*v1.Pod](oldObj, newObj)
	if err != nil || before == nil || after == nil {
		return fwk.Queue, err
	}
	if !maps.Equal(before.Labels, after.Labels) {
		// Other Services may select the pod now.
		return fwk.Queue, nil
	}
	for _, key := range []*claims.Key{&claims.ServiceAffinity, &claims.ServiceAntiAffinity} {
		if !key.Same(before.Annotations, after.Annotations) {
			return fwk.Queue, nil
		}
	}
	return fwk.QueueSkip, nil
}

func (a *Affinity) hintAfterService(_ klog.Logger, pod *v1.Pod, oldObj, newObj interface{}) (fwk.QueueingHint, error) {
	for _, obj := range []interface{}{oldObj, newObj} {
		if obj == nil {
			continue
		}
		// The dynamic informer delivers unstructured objects, hence the accessor.
		service, err := meta.Accessor(obj)
		if err != nil {
			return fwk.Queue, err
		}
		if service.GetNamespace() == pod.Namespace {
			return fwk.Queue, nil
		}
	}
	return fwk.QueueSkip, nil
}
