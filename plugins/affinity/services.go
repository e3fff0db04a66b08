// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	"cmp"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/helper"
)

// serviceSelectors returns the selectors of the Services that select the pod, by the
// Services' names.
func (a *Affinity) serviceSelectors(pod *v1.Pod) ([]labels.Selector, error) {
	services, err := helper.GetPodServices(a.services, pod)
	if err != nil || len(services) == 0 {
		return nil, err
	}
	slices.SortFunc(services, func(a, b *v1.Service) int { return cmp.Compare(a.Name, b.Name) })
	selectors := make([]labels.Selector, len(services))
	for i, s := range services {
		selectors[i] = labels.Set(s.Spec.Selector).AsSelectorPreValidated()
	}
	return selectors, nil
}

func selectedByAny(selectors []labels.Selector, pod *v1.Pod) bool {
	return slices.ContainsFunc(selectors, func(s labels.Selector) bool { return s.Matches(labels.Set(pod.Labels)) })
}
