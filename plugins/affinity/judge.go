// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

var _ judge.Services = &Affinity{}

// Together returns the labels that Filter wants of a node beyond the pod's node affinity, in a
// cycle whose PreFilter has run.
func (a *Affinity) Together(state fwk.CycleState) map[string]string {
	s := filterStateIn(state)
	if s == nil || s.anchor == nil {
		return nil
	}
	want := map[string]string{}
	for _, key := range s.open {
		if value, ok := s.anchor.Labels[key]; ok {
			want[key] = value
		}
	}
	return want
}

// Apart returns the node labels over whose values the pods of the selector are spread by
// NormalizeScore, and the weight of that beside preferred node affinity; no keys are no rule.
func (a *Affinity) Apart(pod *v1.Pod) (keys []string, selector labels.Selector, weight int64, err error) {
	r, err := a.rulesFor(pod)
	if err != nil || len(r.apart) == 0 {
		return nil, nil, 0, err
	}
	selectors, err := a.serviceSelectors(pod)
	if err != nil || len(selectors) == 0 {
		return nil, nil, 0, err
	}
	return r.apart, selectors[0], a.antiAffinityWeight, nil
}
