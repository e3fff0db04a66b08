// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"math"
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// Upstream's scorers turn "requested over allocatable" into a score. To have them score
// predicted use they are handed other requests: a pod that requests its predicted peak, and
// nodes whose pods request what is left of the predicted peak of them all. So every
// strategy, weight and shape means what it means upstream.

const scoredKey = "PreScorePeak" + Name

// scoredPod in the cycle state is what the pod counts for, to upstream's scorers.
type scoredPod struct {
	predicted integers
	// requested and nonZero are what it counts for by requests.
	requested, nonZero integers
}

// Clone shares the state: nothing changes it.
func (s *scoredPod) Clone() fwk.StateData { return s }

// integers are milli-CPUs and bytes, as upstream counts.
type integers struct{ milliCPU, memory int64 }

func integersOf(a predict.Amounts) integers {
	return integers{milliCPU: ceil(1000 * a[predict.CPU]), memory: ceil(a[predict.Memory])}
}

func ceil(v float64) int64 { return int64(min(math.Ceil(v), 1<<62)) }

func (i integers) add(o integers) integers {
	return integers{i.milliCPU + o.milliCPU, i.memory + o.memory}
}

func (i integers) sub(o integers) integers {
	return integers{i.milliCPU - o.milliCPU, i.memory - o.memory}
}

// predictedPod returns the pod as upstream's scorers shall see it: one container that
// requests the predicted peak, and all else that the pod requests.
func (p *predictedPeaks) predictedPod(s *peakState, pod *v1.Pod) (*v1.Pod, *scoredPod) {
	counted := predict.RequestsOf(pod)
	var peak predict.Amounts
	for r := range peak {
		peak[r] = s.view.Pod.Peaks[s.view.Horizon][r].Upper
	}
	scored := &scoredPod{predicted: integersOf(peak), requested: integersOf(counted.Asked), nonZero: integersOf(counted.Counted)}
	requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
	requests[v1.ResourceCPU] = *resource.NewMilliQuantity(scored.predicted.milliCPU, resource.DecimalSI)
	requests[v1.ResourceMemory] = *resource.NewQuantity(scored.predicted.memory, resource.BinarySI)
	return &v1.Pod{
		ObjectMeta: pod.ObjectMeta,
		Spec:       v1.PodSpec{Containers: []v1.Container{{Resources: v1.ResourceRequirements{Requests: requests}}}},
	}, scored
}

// predictedNode is a node whose pods request what makes up its predicted peak.
type predictedNode struct {
	fwk.NodeInfo
	requested, nonZero predictedResource
}

func (n *predictedNode) GetRequested() fwk.Resource        { return &n.requested }
func (n *predictedNode) GetNonZeroRequested() fwk.Resource { return &n.nonZero }

type predictedResource struct {
	fwk.Resource
	integers
}

func (r *predictedResource) GetMilliCPU() int64 { return r.milliCPU }
func (r *predictedResource) GetMemory() int64   { return r.memory }

// predictedNodes keeps the wrappers, which are needed for as long as one node is scored.
var predictedNodes = sync.Pool{New: func() any { return &predictedNode{} }}

// set makes n the node as upstream's scorers shall see it beside the pod. Where requests
// decide, what the pod counts for too much or too little is taken from the node.
func (n *predictedNode) set(node fwk.NodeInfo, v *verdict, pod *scoredPod) {
	n.NodeInfo = node
	n.requested.Resource, n.nonZero.Resource = node.GetRequested(), node.GetNonZeroRequested()
	if v.known {
		with := integersOf(predict.Amounts{v.peaks[predict.CPU].Upper, v.peaks[predict.Memory].Upper})
		n.requested.integers = with.sub(pod.predicted)
		n.nonZero.integers = n.requested.integers
		return
	}
	n.requested.integers = requestsIn(n.requested.Resource).add(pod.requested).sub(pod.predicted)
	n.nonZero.integers = requestsIn(n.nonZero.Resource).add(pod.nonZero).sub(pod.predicted)
}

func requestsIn(r fwk.Resource) integers { return integers{r.GetMilliCPU(), r.GetMemory()} }
