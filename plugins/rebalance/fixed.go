// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Movable tells which pods may move at all.
type Movable struct {
	// MaxPriority is the highest priority of pods that move.
	MaxPriority int32
	// Namespace reports whether pods of a namespace may move. If nil, those of all may.
	Namespace func(name string) bool
	// Scheduler reports whether pods of a scheduler may move.
	Scheduler func(name string) bool
}

// FixedBy returns why a pod may not move, whatever is predicted, or "" if it may.
func (m *Movable) FixedBy(pod *v1.Pod) Reason {
	owner := metav1.GetControllerOfNoCopy(pod)
	switch {
	case claims.IsMirror(pod) || owner != nil && owner.Kind == "Node":
		return Static
	case forecast.IsDaemon(pod):
		return OfDaemonSet
	case owner == nil:
		return Bare
	case owner.Kind == "Job" || pod.Spec.RestartPolicy != v1.RestartPolicyAlways:
		return OfJob
	case pod.DeletionTimestamp != nil:
		return Deleting
	case pod.Status.Phase != v1.PodRunning:
		return NotRunning
	case !m.Scheduler(pod.Spec.SchedulerName):
		return OtherPlacer
	case m.Namespace != nil && !m.Namespace(pod.Namespace):
		return OtherTenant
	case pod.Spec.Priority != nil && *pod.Spec.Priority > m.MaxPriority:
		return Important
	case len(pod.Spec.EvictionResponders) > 0:
		return Responds
	case claims.UnsafeToEvict(pod):
		return Unsafe
	case holdsData(pod):
		return LocalData
	}
	return ""
}

// holdsData reports whether the pod keeps files on its node. Files in memory do not count, since a
// restart loses them too.
func holdsData(pod *v1.Pod) bool {
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		if v.HostPath != nil || v.EmptyDir != nil && v.EmptyDir.Medium != v1.StorageMediumMemory {
			return true
		}
	}
	return false
}
