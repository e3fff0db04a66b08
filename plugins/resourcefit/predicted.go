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

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Upstream's scorers turn "requested over allocatable" into a score. To score predicted use, they
// are given other requests: the pod requests its predicted peak, and the node's pods request the
// rest of the predicted peak of all. For example, if the peak with the pod is 6 cores and the pod's
// is 1, the node's pods request 5. Every strategy, weight and shape keeps upstream's meaning.

const scoredKey = "PreScorePeak" + Name

// scoredPod is kept in the cycle state and is what the pod counts for in upstream's scorers.
type scoredPod struct {
	predicted integers
	// requested and nonZero are what the pod counts for by requests.
	requested, nonZero integers
}

// Clone returns the same state, since nothing changes it.
func (s *scoredPod) Clone() fwk.StateData { return s }

// integers are milli-CPUs and bytes, as upstream counts.
type integers struct{ milliCPU, memory int64 }

func integersOf(a forecast.Amounts) (i integers) {
	i.milliCPU, i.memory = forecast.Integers(a)
	return i
}

// rounded converts cores and bytes to integers without the rounding errors of the division by 1000.
func rounded(a forecast.Amounts) integers {
	return integers{int64(math.Round(1000 * a[forecast.CPU])), int64(math.Round(a[forecast.Memory]))}
}

func (i integers) add(o integers) integers {
	return integers{i.milliCPU + o.milliCPU, i.memory + o.memory}
}

// less returns i − o, at least 0: upstream's scores of negative amounts would not be within 0–100.
func (i integers) less(o integers) integers {
	return integers{max(0, i.milliCPU-o.milliCPU), max(0, i.memory-o.memory)}
}

// predictedPod returns the pod for upstream's scorers: one container that requests the predicted
// peak and all other resources that the pod requests.
func (p *predictedPeaks) predictedPod(s *peakState, pod *v1.Pod) (*v1.Pod, *scoredPod) {
	counted := forecast.RequestsOf(pod)
	scored := &scoredPod{predicted: integersOf(s.view.Pod.Upper(s.view.Horizon)), requested: rounded(counted.Asked), nonZero: rounded(counted.Counted)}
	requests := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
	requests[v1.ResourceCPU] = *resource.NewMilliQuantity(scored.predicted.milliCPU, resource.DecimalSI)
	requests[v1.ResourceMemory] = *resource.NewQuantity(scored.predicted.memory, resource.BinarySI)
	return &v1.Pod{
		ObjectMeta: pod.ObjectMeta,
		Spec:       v1.PodSpec{Containers: []v1.Container{{Resources: v1.ResourceRequirements{Requests: requests}}}},
	}, scored
}

// predictedNode is a node whose requests are replaced such that they make up its predicted peak.
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

// predictedNodes is a pool of wrappers, each used while one node is scored.
var predictedNodes = sync.Pool{New: func() any { return &predictedNode{} }}

// set makes n the node for upstream's scorers, beside the pod, which counts with its predicted peak
// in any case. If requests decide on the node, the difference between the pod's peak and its
// requests is taken from the node's requests, so that the sum is by requests.
func (n *predictedNode) set(node fwk.NodeInfo, v *judgement, pod *scoredPod) {
	n.NodeInfo = node
	n.requested.Resource, n.nonZero.Resource = node.GetRequested(), node.GetNonZeroRequested()
	if v.known {
		with := integersOf(forecast.Upper(v.peaks))
		n.requested.integers = with.less(pod.predicted)
		n.nonZero.integers = n.requested.integers
		return
	}
	n.requested.integers = requestsIn(n.requested.Resource).add(pod.requested).less(pod.predicted)
	n.nonZero.integers = requestsIn(n.nonZero.Resource).add(pod.nonZero).less(pod.predicted)
}

func requestsIn(r fwk.Resource) integers { return integers{r.GetMilliCPU(), r.GetMemory()} }
