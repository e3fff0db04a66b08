// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
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
	name := StatedAnnotations[r]
	value, is := pod.Annotations[name]
	if !is {
		return 0, false, nil
	}
	q, err := apiresource.ParseQuantity(value)
	if err != nil {
		return 0, false, fmt.Errorf("annotation %s: %q: %w", name, value, err)
	}
	if use = q.AsApproximateFloat64(); !sane(use) {
		return 0, false, fmt.Errorf("annotation %s: %q: want 0 or more", name, value)
	}
	return use, true, nil
}

// state has what the pod states stand in for what is forecast.
func (f *PodForecast) state(pod *v1.Pod) {
	if len(pod.Annotations) == 0 {
		return
	}
	for r := range StatedAnnotations {
		use, is, err := stated(pod, Resource(r))
		if !is || err != nil {
			continue
		}
		for h := range f.Peaks {
			p := &f.Peaks[h][r]
			*p = Peak{Mean: min(p.Mean, use), Lower: min(p.Lower, use), Upper: use}
		}
		f.Use[r] = useUpTo(min(f.Use[r].Mean, use), use)
	}
}
