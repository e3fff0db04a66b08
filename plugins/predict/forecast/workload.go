// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math/bits"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Workload names what a pod is an instance of: its controller. A Deployment stands for its
// ReplicaSets, and a CronJob for its Jobs.
type Workload struct{ Namespace, Kind, Name string }

// Limits of what the creator of a pod may write and the API server does not bound: it is read for
// every pod of every node.
const (
	maxOwners = 16
	maxName   = 253 // which an object's name has at most
	maxImage  = 512 // of which a registry's name and a repository have 255 each, at most
)

// WorkloadOf returns the pod's workload. It returns false for a pod without a controller and for
// the mirror of a static pod, whose "controller" is the node. It allocates nothing.
func WorkloadOf(pod *v1.Pod) (Workload, bool) {
	if len(pod.OwnerReferences) > maxOwners {
		return Workload{}, false
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil || owner.Kind == "Node" || len(owner.Kind) > maxName || len(owner.Name) > maxName {
		return Workload{}, false
	}
	w := Workload{Namespace: pod.Namespace, Kind: owner.Kind, Name: owner.Name}
	switch owner.Kind {
	case "ReplicaSet":
		hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
		if rest, ok := strings.CutSuffix(w.Name, hash); ok && hash != "" && len(rest) > 1 && rest[len(rest)-1] == '-' {
			w.Kind, w.Name = "Deployment", rest[:len(rest)-1]
		}
	case "Job":
		if i := strings.LastIndexByte(w.Name, '-'); i > 0 && isMinutes(w.Name[i+1:]) {
			w.Kind, w.Name = "CronJob", w.Name[:i]
		}
	}
	return w, true
}

// isMinutes reports whether s is a suffix that the CronJob controller appends to a Job's name:
// minutes since 1970, which have eight digits from 1989 to 2160. A shorter number may be anything.
func isMinutes(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Class is a group of pods that resemble each other. It is used when nothing is known of a pod's
// workload.
type Class struct {
	Namespace string
	// Image is that of the first container, without tag and digest, since a new version is much
	// like the last one.
	Image string
	// CPU and Memory are the sizes of the pod's requests, as powers of two of millicores and MiB.
	// For example, CPU is 10 for 256 to 511 millicores. 0 is no request.
	CPU, Memory uint8
}

// ClassOf returns the class of a pod with these requests, in cores and bytes. It allocates nothing.
func ClassOf(pod *v1.Pod, requests Amounts) Class {
	c := Class{Namespace: pod.Namespace, CPU: size(requests[CPU] * 1000), Memory: size(requests[Memory] / (1 << 20))}
	if len(pod.Spec.Containers) > 0 {
		c.Image = repository(pod.Spec.Containers[0].Image)
	}
	return c
}

func size(units float64) uint8 {
	if !(units > 0) {
		return 0
	}
	return uint8(1 + bits.Len64(uint64(min(units, 1<<62))))
}

// repository removes the digest and the tag. A colon before the last slash belongs to a port.
func repository(image string) string {
	image = image[:min(len(image), maxImage)]
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}

// IsDaemon reports whether the pod is a DaemonSet's. Predictions never keep such a pod from its
// node, since it can run on no other.
func IsDaemon(pod *v1.Pod) bool {
	if len(pod.OwnerReferences) > maxOwners {
		return false
	}
	owner := metav1.GetControllerOfNoCopy(pod)
	return owner != nil && owner.Kind == "DaemonSet" && strings.HasPrefix(owner.APIVersion, "apps/")
}
