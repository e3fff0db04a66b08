// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objective is which service a pod wants, and how much it counts.
package objective

import (
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	schedulinglisters "k8s.io/client-go/listers/scheduling/v1"
	podqos "k8s.io/kubernetes/pkg/apis/core/v1/helper/qos"
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

var names = [Count]string{"latency", "realtime", "availability", "batch"}

// String is the objective as labels spell it.
func (o Objective) String() string { return names[o] }

func parse(name string) (Objective, bool) {
	for o, n := range names {
		if n == name {
			return Objective(o), true
		}
	}
	return 0, false
}

// Of is what the pod's label says, else its PriorityClass's annotation, else its QoS class: Guaranteed wants
// latency, Burstable availability, BestEffort is batch. A name that is no objective counts as none.
func Of(pod *v1.Pod, classes schedulinglisters.PriorityClassLister) Objective {
	if o, ok := parse(pod.Labels[Key]); ok {
		return o
	}
	if classes != nil && pod.Spec.PriorityClassName != "" {
		if c, err := classes.Get(pod.Spec.PriorityClassName); err == nil {
			if o, ok := parse(c.Annotations[Key]); ok {
				return o
			}
		}
	}
	class := pod.Status.QOSClass
	if class == "" {
		class = podqos.ComputePodQOS(pod)
	}
	switch class {
	case v1.PodQOSGuaranteed:
		return Latency
	case v1.PodQOSBestEffort:
		return Batch
	default:
		return Availability
	}
}

// ResponseTime is what the pod's annotation says, else otherwise, in seconds; 0 is none. What is no positive duration is an
// error, and counts as none.
func ResponseTime(pod *v1.Pod, otherwise time.Duration) (float64, error) {
	text, stated := pod.Annotations[ResponseTimeKey]
	if !stated {
		return otherwise.Seconds(), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("annotation %s: %q is not a positive duration", ResponseTimeKey, text)
	}
	return d.Seconds(), nil
}

// Importance multiplies a pod's weight by its priority: 1 at priority 0 and below, 2 at the highest a user can give.
func Importance(pod *v1.Pod) float32 {
	if pod.Spec.Priority == nil || *pod.Spec.Priority <= 0 {
		return 1
	}
	return 1 + min(float32(*pod.Spec.Priority)/1e9, 1)
}
