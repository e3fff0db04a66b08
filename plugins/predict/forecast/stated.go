// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// StatedAnnotations of a pod say what it will use at most, as quantities: they stand in for
// its forecast.
var StatedAnnotations = [NumResources]string{
	CPU:    "foresight-scheduler.dev/predicted-cpu",
	Memory: "foresight-scheduler.dev/predicted-memory",
}

// CheckStated returns an error that names the annotation that is no quantity from 0 on. In
// a forecast such an annotation counts as absent.
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

// state has what the pod states stand in for what is forecast of it, within bounds.
//
// What was measured of the pod's own workload outweighs it: it may choose between the bounds of that forecast, and no more.
// A pod that the policy does not allow more may only raise a forecast that nobody has measured, up to the larger of its limit
// and its request. Where it has neither its node bounds it; see Resident.
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

// within bounds what a pod without limit and request states by what its node has.
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
