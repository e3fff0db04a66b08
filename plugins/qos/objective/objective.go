// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objective is which service a pod wants, and how much it counts.
package objective

import (
	"time"

	v1 "k8s.io/api/core/v1"
	schedulinglisters "k8s.io/client-go/listers/scheduling/v1"
	podqos "k8s.io/kubernetes/pkg/apis/core/v1/helper/qos"

	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// Key is the label of a pod, or the annotation of its PriorityClass, that names its objective.
const Key = "foresight-scheduler.dev/qos"

// ResponseTimeKey is the annotation of a pod that says what its measured response time may be, such as 200ms.
const ResponseTimeKey = "foresight-scheduler.dev/response-time-objective"

// Objective is the service that a pod wants.
type Objective uint8

const (
	// Latency wants its response time kept.
	Latency Objective = iota
	// Realtime wants the CPU to be there when it is wanted.
	Realtime
	// Availability wants no eviction, kill, restart or node that is not ready.
	Availability
	// Batch wants throughput, and hurts others.
	Batch

	// Count is how many objectives there are; they count from 0.
	Count = int(Batch) + 1
)

// String is the objective as labels spell it.
func (o Objective) String() string { return claims.Objectives[o] }

// stated in labels or annotations; what is no objective counts as nothing said.
func stated(values map[string]string) (Objective, bool) {
	if i, ok, err := claims.Objective(values); ok && err == nil {
		return Objective(i), true
	}
	return 0, false
}

// Of is what the pod's label says, else its PriorityClass's annotation, else its QoS class: Guaranteed wants
// latency, Burstable availability, BestEffort is batch. A name that is no objective counts as none, and so does a label
// that claims more than the pod would have without it, where the policy does not allow that.
func Of(pod *v1.Pod, classes schedulinglisters.PriorityClassLister, policy *claims.Policy) Objective {
	o, ok := stated(pod.Labels)
	if !ok {
		return unclaimed(pod, classes)
	}
	if own := unclaimed(pod, classes); claims.Exceeds(int(o), int(own)) && !policy.MayAim(pod) {
		return own
	}
	return o
}

// unclaimed is the objective of a pod without the label.
func unclaimed(pod *v1.Pod, classes schedulinglisters.PriorityClassLister) Objective {
	if classes != nil && pod.Spec.PriorityClassName != "" {
		if c, err := classes.Get(pod.Spec.PriorityClassName); err == nil {
			if o, ok := stated(c.Annotations); ok {
				return o
			}
		}
	}
	class := pod.Status.QOSClass
	if class == "" {
		class = podqos.ComputePodQOS(pod)
	}
	return Objective(claims.OfClass(class))
}

// ResponseTime is what the pod's annotation says, else otherwise, in seconds; 0 is none. What is no positive duration is an
// error, and counts as none. What the policy does not allow the pod to say counts as not said.
func ResponseTime(pod *v1.Pod, otherwise time.Duration, policy *claims.Policy) (float64, error) {
	d, stated, err := claims.MayTake(pod.Annotations)
	switch {
	case err != nil:
		return 0, err
	case !stated || !policy.MayAim(pod):
		return otherwise.Seconds(), nil
	default:
		return d.Seconds(), nil
	}
}

// Importance multiplies a pod's weight by its priority: 1 at priority 0 and below, 2 at the highest a user can give.
func Importance(pod *v1.Pod) float32 {
	if pod.Spec.Priority == nil || *pod.Spec.Priority <= 0 {
		return 1
	}
	return 1 + min(float32(*pod.Spec.Priority)/1e9, 1)
}
