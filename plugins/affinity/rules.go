// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
)

const (
	// ServiceAffinityAnnotation on a pod replaces the profile's
	// serviceAffinity.labels: node label keys with commas between them, empty for none.
	ServiceAffinityAnnotation = config.AnnotationPrefix + "service-affinity"
	// ServiceAntiAffinityAnnotation on a pod replaces the profile's
	// serviceAntiAffinity.labels, in the same form.
	ServiceAntiAffinityAnnotation = config.AnnotationPrefix + "service-anti-affinity"
)

// rules are the node label keys that matter for one pod.
type rules struct {
	// together: the pods of the Service share the values of these.
	together []string
	// apart: the pods of the Service spread over the values of these.
	apart []string
}

func (r rules) empty() bool { return len(r.together) == 0 && len(r.apart) == 0 }

// rulesFor returns the pod's own rules where it has any, else the profile's. An
// annotation that does not parse is an error: guessing would place the pod where its
// owner did not want it.
func (a *Affinity) rulesFor(pod *v1.Pod) (rules, error) {
	r := a.profile
	var err error
	if r.together, err = a.lists.Of(pod.Annotations, &claims.ServiceAffinity, r.together); err != nil {
		return rules{}, err
	}
	if r.apart, err = a.lists.Of(pod.Annotations, &claims.ServiceAntiAffinity, r.apart); err != nil {
		return rules{}, err
	}
	return r, nil
}
