// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"context"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

func priorityOf(pod *v1.Pod) int32 {
	if pod.Spec.Priority == nil {
		return 0
	}
	return *pod.Spec.Priority
}

// drain returns the node's pods that must go elsewhere, and counts the others.
func (t *trial) drain(info fwk.NodeInfo, left map[string]int) (moved []*v1.Pod) {
	for _, p := range info.GetPods() {
		pod := p.GetPod()
		switch {
		case forecast.IsDaemon(pod):
			left[ofDaemonSet]++
		case isMirror(pod):
			left[mirror]++
		case pod.DeletionTimestamp != nil:
			left[onItsWay]++
		case t.Anew != nil && t.Anew(pod):
			t.out.Replaced++
		default:
			copied := pod.DeepCopy()
			copied.Spec.NodeName, copied.Status.NominatedNodeName = "", ""
			t.was[copied] = info.Node().Name
			moved = append(moved, copied)
		}
	}
	slices.SortFunc(moved, func(a, b *v1.Pod) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return moved
}

// isMirror says whether the pod is what a kubelet shows of a static pod (v1.MirrorPodAnnotationKey).
func isMirror(pod *v1.Pod) bool {
	_, is := pod.Annotations["kubernetes.io/config.mirror"]
	return is
}

// replace takes pods off the node whose places are taken by others.
func (t *trial) replace(ctx context.Context, info fwk.NodeInfo) fwk.NodeInfo {
	for _, p := range slices.Clone(info.GetPods()) {
		if pod := p.GetPod(); t.Anew(pod) {
			info = without(ctx, info, pod)
			t.out.Replaced++
		}
	}
	return info
}
