// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
	schedutil "k8s.io/kubernetes/pkg/scheduler/util"
)

// defaultRequests are what upstream's strategies count for a container without requests.
var defaultRequests = v1.ResourceList{
	v1.ResourceCPU:    *resource.NewMilliQuantity(schedutil.DefaultMilliCPURequest, resource.DecimalSI),
	v1.ResourceMemory: *resource.NewQuantity(schedutil.DefaultMemoryRequest, resource.BinarySI),
}

// counted returns the pod in the form in which upstream's scorer of strategies counts pod-level
// requests. Upstream's filter, its balancing and its sums over a node's pods count these, but the
// scorer adds up the requests of containers.
func (r *ResourceFit) counted(pod *v1.Pod) *v1.Pod {
	if !r.podLevel || pod.Spec.Resources == nil || len(pod.Spec.Resources.Requests) == 0 {
		return pod
	}
	requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{NonMissingContainerRequests: defaultRequests})
	return &v1.Pod{
		ObjectMeta: pod.ObjectMeta,
		Spec:       v1.PodSpec{Containers: []v1.Container{{Resources: v1.ResourceRequirements{Requests: requests}}}},
	}
}
