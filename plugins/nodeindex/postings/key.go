// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package postings

import (
	"slices"
	"strconv"

	v1 "k8s.io/api/core/v1"
)

// The keys spell what is asked for with bytes between that no label has, so that two that
// are spelled the same ask for the same.

func (x *Index) spellSelector(nodeSelector map[string]string, required *v1.NodeSelector) {
	x.sorted = x.sorted[:0]
	for label := range nodeSelector {
		x.sorted = append(x.sorted, label)
	}
	slices.Sort(x.sorted)
	key := x.key[:0]
	for _, label := range x.sorted {
		key = append(append(append(append(key, label...), '='), nodeSelector[label]...), 0)
	}
	if required != nil {
		key = append(key, '|')
		for i := range required.NodeSelectorTerms {
			key = appendTerm(key, &required.NodeSelectorTerms[i])
		}
	}
	x.key = key
}

func (x *Index) spellPreferences(terms []v1.PreferredSchedulingTerm) {
	x.key = x.key[:0]
	for i := range terms {
		x.key = strconv.AppendInt(x.key, int64(terms[i].Weight), 10)
		x.key = appendTerm(x.key, &terms[i].Preference)
	}
}

func appendTerm(key []byte, term *v1.NodeSelectorTerm) []byte {
	key = appendRequirements(append(key, 1), term.MatchExpressions)
	return appendRequirements(append(key, 2), term.MatchFields)
}

func appendRequirements(key []byte, requirements []v1.NodeSelectorRequirement) []byte {
	for i := range requirements {
		r := &requirements[i]
		key = append(append(append(append(key, r.Key...), 3), r.Operator...), 4)
		for _, value := range r.Values {
			key = append(append(key, value...), 5)
		}
		key = append(key, 6)
	}
	return key
}
