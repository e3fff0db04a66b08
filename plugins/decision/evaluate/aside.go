// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/storage/ephemeral"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// setAside takes from the pod of a trial what nothing can be said about before the pod is there, and returns in words what is not
// considered. Upstream's plugins would have the pod wait for it: volume claims and resource claims that a controller is to make.
func (e *Evaluator) setAside(pod *v1.Pod, placed bool) (lacks []string) {
	var missing, unbound []string
	pod.Spec.Volumes = slices.DeleteFunc(pod.Spec.Volumes, func(v v1.Volume) bool {
		var claim string
		switch {
		case v.PersistentVolumeClaim != nil:
			claim = v.PersistentVolumeClaim.ClaimName
		case v.Ephemeral != nil:
			// It goes with the pod, so also that of a pod which is to move is made anew.
			missing = append(missing, ephemeral.VolumeClaimName(pod, &v))
			return true
		default:
			return false
		}
		found, err := e.claims.PersistentVolumeClaims(pod.Namespace).Get(claim)
		if err != nil { // The lister knows no other error than that there is none.
			missing = append(missing, claim)
			return true
		}
		if found.Spec.VolumeName == "" {
			unbound = append(unbound, claim)
		}
		return false
	})
	if len(missing) > 0 {
		lacks = append(lacks, "volume claims that are not there yet: "+decision.Cut(strings.Join(missing, ", ")))
	}
	if len(unbound) > 0 {
		lacks = append(lacks, "that another pod of this trial may take the volume meant for: "+decision.Cut(strings.Join(unbound, ", ")))
	}
	templates := 0
	pod.Spec.ResourceClaims = slices.DeleteFunc(pod.Spec.ResourceClaims, func(c v1.PodResourceClaim) bool {
		if c.ResourceClaimTemplateName != nil {
			templates++
			return true
		}
		return false
	})
	if templates > 0 {
		lacks = append(lacks, fmt.Sprintf("%d resource claims that are made of templates", templates))
	}
	if group := pod.Spec.SchedulingGroup; group != nil {
		lacks = append(lacks, "that the pods of its group are placed together or not at all")
		pod.Spec.SchedulingGroup = nil
	}
	if gates := pod.Spec.SchedulingGates; len(gates) > 0 {
		lacks = append(lacks, "scheduling gates, which hold the pod back until they are taken away: "+decision.Cut(gates[0].Name))
	}
	if placed && len(pod.OwnerReferences) == 0 {
		lacks = append(lacks, "that nobody makes the pod anew: it has no controller")
	}
	return lacks
}

// notPreempted says what was not tried for a pod that would wait.
func notPreempted(pod *v1.Pod) []string {
	if pod.Spec.PreemptionPolicy != nil && *pod.Spec.PreemptionPolicy == v1.PreemptNever {
		return nil
	}
	return []string{"room that the pod could take from pods of lower priority"}
}
