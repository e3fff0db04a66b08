// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"math"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
)

// memoryLimit returns how many bytes the pod can use before it is killed: the limit of the pod, or of its containers where each has
// one; else +Inf.
func memoryLimit(pod *v1.Pod) float64 {
	if pod.Spec.Resources == nil || pod.Spec.Resources.Limits.Memory().IsZero() {
		for _, containers := range [...][]v1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range containers {
				if containers[i].Resources.Limits.Memory().IsZero() {
					return math.Inf(1)
				}
			}
		}
	}
	limits := resource.PodLimits(pod, resource.PodResourcesOptions{})
	return limits.Memory().AsApproximateFloat64()
}
