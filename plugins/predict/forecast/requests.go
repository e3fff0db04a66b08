// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
)

// Amounts are one amount for each resource, in cores and bytes.
type Amounts [NumResources]float64

// defaultRequests are what upstream's scorers count for a container without a request
// (k8s.io/kubernetes/pkg/scheduler/util/pod_resources.go).
var defaultRequests = v1.ResourceList{
	v1.ResourceCPU:    *apiresource.NewMilliQuantity(100, apiresource.DecimalSI),
	v1.ResourceMemory: *apiresource.NewQuantity(200<<20, apiresource.BinarySI),
}

// Requests are the resources that a pod requests.
type Requests struct {
	// Asked is the sum of the pod's requests, 0 if it has none.
	Asked Amounts
	// Counted is the same sum with upstream's defaults for containers without a request, as
	// upstream scores it.
	Counted Amounts
}

// RequestsOf returns the requests of a pod, as upstream counts them for a pod without a node.
func RequestsOf(pod *v1.Pod) Requests {
	return Requests{
		Asked:   Asked(pod),
		Counted: AmountsIn(resource.PodRequests(pod, resource.PodResourcesOptions{NonMissingContainerRequests: defaultRequests})),
	}
}

// Asked returns the sum of a pod's requests, 0 if it has none.
func Asked(pod *v1.Pod) Amounts {
	s := &pod.Spec
	if len(s.Containers) == 1 && len(s.InitContainers) == 0 && s.Overhead == nil && s.Resources == nil {
		return AmountsIn(s.Containers[0].Resources.Requests) // as most pods are, without an allocation
	}
	return AmountsIn(resource.PodRequests(pod, resource.PodResourcesOptions{}))
}

// requestsOf is RequestsOf for a pod on a node. It does not allocate, since upstream has already
// added up the requests.
func requestsOf(p fwk.PodInfo) Requests {
	r := p.CalculateResource()
	return Requests{
		Asked:   AmountsOf(r.Resource),
		Counted: Amounts{CPU: float64(r.Non0CPU) / 1000, Memory: float64(r.Non0Mem)},
	}
}

// AmountsOf returns the amounts of a resource sum of a NodeInfo, such as a node's allocatable or
// its pods' requests.
func AmountsOf(r fwk.Resource) Amounts {
	return Amounts{CPU: float64(r.GetMilliCPU()) / 1000, Memory: float64(r.GetMemory())}
}

// AmountsIn returns the amounts in a list of quantities, 0 for those it lacks.
func AmountsIn(list v1.ResourceList) Amounts {
	return Amounts{CPU: list.Cpu().AsApproximateFloat64(), Memory: list.Memory().AsApproximateFloat64()}
}
