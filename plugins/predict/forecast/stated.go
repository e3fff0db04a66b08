// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// StatedAnnotations are the annotations by which a pod states its largest use, as quantities. They
// replace its forecast.
var StatedAnnotations = [NumResources]string{
	CPU:    "foresight-scheduler.dev/predicted-cpu",
	Memory: "foresight-scheduler.dev/predicted-memory",
}

// CheckStated returns an error that names an annotation that is not a quantity of at least 0. For a
// forecast, such an annotation counts as absent.
func CheckStated(pod *v1.Pod) error {
	for r := range StatedAnnotations {
		if _, _, err := stated(pod, Resource(r)); err != nil {
			return err
		}
	}
	return nil
}

func stated(pod *v1.Pod, r Resource) (use float64, is bool, err error) {
	return claims.Quantity(pod.Annotations, [NumResources]*claims.Key{CPU: &claims.PredictedCPU, Memory: &claims.PredictedMemory}[r])
}

// state replaces the forecast by what the pod states, within bounds.
//
// If the pod's own workload was measured, a stated use counts only if the policy allows it, and is
// moved into the bounds of that forecast. Otherwise, a pod that the policy does not allow more can
// only raise its forecast, up to the larger of its limit and request. If it has neither, its node
// is the bound; see Resident.
//
// For example, a workload's measured peak has bounds of 1 and 2 cores. An allowed pod that states 5
// cores counts with 2, and one that states 500m with 1.
func (s *Snapshot) state(f *PodForecast, pod *v1.Pod) {
	if len(pod.Annotations) == 0 {
		return
	}
	for r := range StatedAnnotations {
		use, is, err := stated(pod, Resource(r))
		if !is || err != nil {
			continue
		}
		allowed := s != nil && s.c.MayPredict != nil && s.c.MayPredict(pod)
		if !allowed {
			if f.Origin == FromOwner {
				continue
			}
			if most, bounded := claims.MostStated(pod, v1.ResourceName(Resource(r).String())); bounded {
				use = min(use, most)
			}
		}
		for h := range f.Peaks {
			p, use := &f.Peaks[h][r], use
			switch {
			case f.Origin == FromOwner:
				use = max(p.Lower, min(use, p.Upper))
			case !allowed && use <= p.Upper:
				continue
			}
			*p = Peak{Mean: min(p.Mean, use), Lower: min(p.Lower, use), Upper: use}
		}
		f.Use[r] = useUpTo(min(f.Use[r].Mean, use), use)
	}
}

// within limits the forecast of a pod that states its use to its node's allocatable.
func (f *PodForecast) within(pod *v1.Pod, allocatable Amounts) {
	if len(pod.Annotations) == 0 || !claims.PredictedCPU.In(pod.Annotations) && !claims.PredictedMemory.In(pod.Annotations) {
		return
	}
	for h := range f.Peaks {
		for r := range f.Peaks[h] {
			p := &f.Peaks[h][r]
			*p = Peak{Mean: min(p.Mean, allocatable[r]), Lower: min(p.Lower, allocatable[r]), Upper: min(p.Upper, allocatable[r])}
		}
	}
	for r := range f.Use {
		if f.Use[r].Mean > allocatable[r] {
			f.Use[r] = useUpTo(allocatable[r], allocatable[r])
		}
	}
}
