// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// Allowed says which nodes a pod may go to by its node selector, node affinity and tolerations. A prediction that refuses all
// of these says more about itself than about the nodes, whatever it says about nodes that the pod cannot go to.
type Allowed struct {
	pod      *v1.Pod
	required nodeaffinity.RequiredNodeAffinity
}

// AllowedFor compiles the pod's constraints.
func AllowedFor(pod *v1.Pod) Allowed { return Allowed{pod, nodeaffinity.GetRequiredNodeAffinity(pod)} }

// On says whether the pod may go to the node.
func (a *Allowed) On(node *v1.Node) bool {
	if matches, err := a.required.Match(node); err != nil || !matches {
		return false
	}
	if len(node.Spec.Taints) == 0 && !node.Spec.Unschedulable {
		return true
	}
	if node.Spec.Unschedulable && !v1helper.TolerationsTolerateTaint(klog.Background(), a.pod.Spec.Tolerations,
		&v1.Taint{Key: v1.TaintNodeUnschedulable, Effect: v1.TaintEffectNoSchedule}, false) {
		return false
	}
	_, untolerated := v1helper.FindMatchingUntoleratedTaint(klog.Background(), node.Spec.Taints, a.pod.Spec.Tolerations, func(t *v1.Taint) bool {
		return t.Effect == v1.TaintEffectNoSchedule || t.Effect == v1.TaintEffectNoExecute
	}, false)
	return !untolerated
}

// IsDaemon says whether the pod is a DaemonSet's. No prediction keeps it from its node: it has no other, and belongs to it.
func IsDaemon(pod *v1.Pod) bool {
	if len(pod.OwnerReferences) > maxOwners {
		return false
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	return owner != nil && owner.Kind == "DaemonSet" && strings.HasPrefix(owner.APIVersion, "apps/")
}
