// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AnnotationPrefix is what the names of all our annotations begin with.
const AnnotationPrefix = "foresight-scheduler.dev/"

// PodAnnotations and NodeAnnotations are those that are read of pods and of nodes.
var (
	PodAnnotations = []string{
		AnnotationPrefix + "overcommit", AnnotationPrefix + "predicted-cpu", AnnotationPrefix + "predicted-memory",
		AnnotationPrefix + "response-time-objective", AnnotationPrefix + "service-affinity", AnnotationPrefix + "service-anti-affinity",
	}
	NodeAnnotations = []string{AnnotationPrefix + "max-predicted-peak"}
)

// CheckAnnotations returns an error that names an annotation of ours that is not among those that are read: it is
// misspelt, or stands at the wrong object.
func CheckAnnotations(annotations map[string]string, read []string) error {
	if len(annotations) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(name, AnnotationPrefix) && !slices.Contains(read, name) {
			return fmt.Errorf("annotation %s: nothing reads it here; what is read: %s", name, strings.Join(read, ", "))
		}
	}
	return nil
}
