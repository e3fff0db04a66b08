// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	v1 "k8s.io/api/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/component-helpers/storage/volume"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

// Allowed is the set of nodes that a pod may go to by its node selector, node affinity, tolerations
// and bound volumes. If predictions refuse all of these, they are more likely wrong than the nodes
// are full; nodes outside the set do not matter. Free resources, ports and the places of other pods
// do not count, since they change as pods come and go: a pod can wait for that.
type Allowed struct {
	pod      *v1.Pod
	required nodeaffinity.RequiredNodeAffinity
	volumes  []*v1.PersistentVolume // with node affinity
}

// AllowedFor returns the set for a pod, with its constraints compiled.
func AllowedFor(pod *v1.Pod, volumes Volumes) Allowed {
	return Allowed{pod, nodeaffinity.GetRequiredNodeAffinity(pod), volumes.tied(pod)}
}

// Volumes looks up which nodes volumes are tied to. The zero value finds none.
type Volumes struct {
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
}

// VolumesOf returns Volumes that read the caches of a handle. The handle may be nil or have none.
func VolumesOf(h fwk.Handle) Volumes {
	if h == nil || h.SharedInformerFactory() == nil {
		return Volumes{}
	}
	core := h.SharedInformerFactory().Core().V1()
	return Volumes{core.PersistentVolumeClaims().Lister(), core.PersistentVolumes().Lister()}
}

// tied returns the volumes that the pod's claims are bound to and that only some nodes can reach.
func (v Volumes) tied(pod *v1.Pod) (tied []*v1.PersistentVolume) {
	if v.claims == nil {
		return nil
	}
	for i := range pod.Spec.Volumes {
		var name string
		switch source := &pod.Spec.Volumes[i]; {
		case source.PersistentVolumeClaim != nil:
			name = source.PersistentVolumeClaim.ClaimName
		case source.Ephemeral != nil:
			name = pod.Name + "-" + source.Name
		default:
			continue
		}
		claim, err := v.claims.PersistentVolumeClaims(pod.Namespace).Get(name)
		if err != nil || claim.Spec.VolumeName == "" {
			continue // It ties the pod to no node yet.
		}
		if volume, err := v.volumes.Get(claim.Spec.VolumeName); err == nil && volume.Spec.NodeAffinity != nil {
			tied = append(tied, volume)
		}
	}
	return tied
}

// On reports whether the pod may go to the node.
func (a *Allowed) On(node *v1.Node) bool {
	if matches, err := a.required.Match(node); err != nil || !matches {
		return false
	}
	for _, v := range a.volumes {
		if volume.CheckNodeAffinity(v, node.Labels) != nil {
			return false
		}
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
