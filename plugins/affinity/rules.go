// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity

import (
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/foresight-scheduler/foresight/config"
)

const (
	// ServiceAffinityAnnotation on a pod replaces the profile's
	// serviceAffinity.labels: node label keys with commas between them, empty for none.
	ServiceAffinityAnnotation = "foresight-scheduler.dev/service-affinity"
	// ServiceAntiAffinityAnnotation on a pod replaces the profile's
	// serviceAntiAffinity.labels, in the same form.
	ServiceAntiAffinityAnnotation = "foresight-scheduler.dev/service-anti-affinity"
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
	if r.together, err = labelKeys(pod, ServiceAffinityAnnotation, r.together); err != nil {
		return rules{}, err
	}
	if r.apart, err = labelKeys(pod, ServiceAntiAffinityAnnotation, r.apart); err != nil {
		return rules{}, err
	}
	return r, nil
}

func labelKeys(pod *v1.Pod, annotation string, otherwise []string) ([]string, error) {
	value, ok := pod.Annotations[annotation]
	if !ok {
		return otherwise, nil
	}
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	keys := strings.Split(value, ",")
	for i := range keys {
		keys[i] = strings.TrimSpace(keys[i])
	}
	path := field.NewPath("metadata", "annotations").Key(annotation)
	return keys, config.ValidateLabelKeys(path, keys).ToAggregate()
}
