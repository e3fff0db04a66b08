// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReasonLines(t *testing.T) {
	for reason, want := range map[string][]string{
		"0/10 nodes are available: 4 Insufficient cpu, 6 node(s) had untolerated taint(s). preemption: 0/10 nodes are available: 10 Preemption is not helpful for scheduling.": {
			"0/10 nodes are available:", "- 4 Insufficient cpu", "- 6 node(s) had untolerated taint(s)",
			"preemption: 0/10 nodes are available: 10 Preemption is not helpful for scheduling.",
		},
		"no nodes available to schedule pods":                              {"no nodes available to schedule pods"},
		"0/2 nodes are available: must be a, b, or c, 1 Insufficient cpu.": {"0/2 nodes are available:", "- must be a, b, or c", "- 1 Insufficient cpu"},
		"SchedulingGated": {"SchedulingGated"},
	} {
		if diff := cmp.Diff(want, reasonLines(reason)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", reason, diff)
		}
	}
}

// The table names every pod once; the summary counts the placed, and the waiting follow
// with their reasons.
func TestPrintTable(t *testing.T) {
	var out strings.Builder
	err := printTable(&out, []placement{
		{Namespace: "a", Pod: "one", Owner: "Pod", Scheduler: "s", Node: "n1", Seconds: 0.0124},
		{Namespace: "a", Pod: "two", Owner: "Job/j", Scheduler: "s", Node: "n2", Seconds: 1.5},
		{Namespace: "a", Pod: "old", Owner: "Pod", Scheduler: "s", Node: "n2"},
		{Namespace: "b", Pod: "big", Owner: "Pod", Scheduler: "s", Reason: "0/2 nodes are available: 2 Insufficient cpu."},
		{Namespace: "b", Pod: "new", Owner: "Pod", Scheduler: "s"},
		{Namespace: "b", Owner: "Deployment/d", Missing: 2, Reason: "exceeded quota: one, requested: pods=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `NAMESPACE   POD   OWNER   NODE     SCHEDULER   DECIDED IN
a           one   Pod     n1       s           12ms
a           two   Job/j   n2       s           1.5s
a           old   Pod     n2       s           before
b           big   Pod     <none>   s           waits
b           new   Pod     <none>   s           waits

3 pods placed on 2 nodes, from creation to binding in 1.5s (median) to 1.5s (slowest)

b/big waits:
  0/2 nodes are available:
  - 2 Insufficient cpu

b/new waits:
  no decision yet

b/Deployment/d has not made 2 of its pods:
  exceeded quota: one, requested: pods=1
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
