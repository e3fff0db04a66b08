// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// A controller is done making pods when its status says so about its newest generation.
func TestPodsOf(t *testing.T) {
	for name, tc := range map[string]struct {
		object       string
		made, wanted int64
	}{
		"not seen yet":       {"{kind: Deployment, metadata: {generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 1, updatedReplicas: 3}}", 0, 1},
		"half made":          {"{kind: Deployment, metadata: {generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 1}}", 1, 3},
		"one by default":     {"{kind: StatefulSet, metadata: {generation: 1}, spec: {}, status: {observedGeneration: 1, replicas: 1}}", 1, 1},
		"none wanted":        {"{kind: Deployment, metadata: {generation: 1}, spec: {replicas: 0}, status: {observedGeneration: 1}}", 0, 0},
		"job, all at once":   {"{kind: Job, spec: {parallelism: 4, completions: 4}, status: {active: 2, succeeded: 2}}", 4, 4},
		"job, few at a time": {"{kind: Job, spec: {parallelism: 2, completions: 9}, status: {active: 2}}", 2, 2},
		"job, not begun":     {"{kind: Job, spec: {}}", 0, 1},
		"job, a queue":       {"{kind: Job, spec: {parallelism: 3}, status: {active: 1}}", 1, 3},
		"job, over":          {"{kind: Job, spec: {parallelism: 3, completions: 3}, status: {succeeded: 1, conditions: [{type: Failed, status: 'True'}]}}", 0, 0},
		"daemons":            {"{kind: DaemonSet, metadata: {generation: 1}, status: {observedGeneration: 1, currentNumberScheduled: 2, desiredNumberScheduled: 5}}", 2, 5},
		"garbage":            {"{kind: Deployment, metadata: {generation: 1}, spec: {replicas: many}, status: {observedGeneration: 1, replicas: few}}", 0, 1},
	} {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(tc.object), u); err != nil {
			t.Fatal(err)
		}
		if made, wanted := podsOf(u); made != tc.made || wanted != tc.wanted {
			t.Errorf("%s: %d of %d, want %d of %d", name, made, wanted, tc.made, tc.wanted)
		}
	}
}
