// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import v1 "k8s.io/api/core/v1"

// safeToEvict is the cluster autoscaler's: "false" keeps it from moving the pod.
const safeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"

// UnsafeToEvict says that a pod asks not to be moved by others: in the cluster autoscaler's words, or in Karpenter's.
func UnsafeToEvict(pod *v1.Pod) bool {
	return pod.Annotations[safeToEvict] == "false" || asksNotToDisrupt(pod.Annotations)
}

// IsMirror says whether a pod is what a kubelet shows of a static pod.
func IsMirror(pod *v1.Pod) bool {
	_, is := pod.Annotations[v1.MirrorPodAnnotationKey]
	return is
}
