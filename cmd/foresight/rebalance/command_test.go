// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// What stands in the table: moves with why and where their pods came to, pods that stay with why, and a breaker that is open.
func TestPrint(t *testing.T) {
	at := time.Date(2026, 3, 2, 13, 5, 0, 0, time.UTC)
	until := at.Add(6 * time.Hour)
	report := &rebalance.Report{
		Time: at, Mode: "Evict", Suffers: 96.4, Promised: 200, Realised: 12, Stopped: &until,
		Refused: map[rebalance.Reason]int{rebalance.Stays: 2, rebalance.Disrupts: 1},
		Moves:   []rebalance.Record{{Time: at, Namespace: "shop", Pod: "web-9", From: "node-3", To: "node-1", Gain: 17.6, Why: "node-3 is full"}},
		Closest: []rebalance.NotMoved{{Namespace: "shop", Pod: "db-0", From: "node-3", Cures: 60, Reason: rebalance.Stays}},
		Resizes: []rebalance.Resize{{Namespace: "shop", Workload: "shop/Deployment/web", Pods: 3, Node: "node-3", Pod: "web-7", Requested: .1, Suggested: .85}},
		Records: []rebalance.Record{{Time: at, Namespace: "shop", Pod: "web-7", From: "node-3", To: "node-5", Gain: 41, Result: "moved", Successor: "web-8", On: "node-5", Why: "node-3 was full"}},
	}
	for _, dryRun := range []bool{false, true} {
		var out strings.Builder
		if err := (&options{dryRun: dryRun}).print(&out, report); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"Mode Evict. At 13:05:00 nodes are expected to use 96 core minutes beyond what they run well at.",
			"The last moves promised 200 core minutes and brought 12.", "Nothing moves until 2026-03-02T19:05:00Z",
			"web-7", "moved (web-8 on node-5)", "node-3 was full", "db-0", "shop/Deployment/web   3      0.10          0.85", "In all: pdb 1, stays 2",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in\n%s", want, out.String())
			}
		}
		if got := strings.Contains(out.String(), "web-9"); got != dryRun {
			t.Errorf("dry run %v tells of a move that would be made: %v", dryRun, got)
		}
	}
	var out strings.Builder
	if err := (&options{}).print(&out, &rebalance.Report{Mode: "Suggest"}); err != nil || !strings.Contains(out.String(), "The leader has not looked yet.") || !strings.Contains(out.String(), "Moves: none") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Which nodes could be emptied, where their pods would go, and why others stay.
func TestPrintPacking(t *testing.T) {
	var out strings.Builder
	since := time.Date(2026, 3, 2, 13, 5, 0, 0, time.UTC)
	err := printPacking(&out, &rebalance.Packing{
		Emptied: []rebalance.Emptied{{Node: "node-9", Harm: 2.4, Moves: []rebalance.EmptyingMove{{Pod: "shop/web-1", To: "node-2"}, {Pod: "shop/web-2", To: "node-4"}}}},
		Nodes:   12, Tried: 3, Kept: map[rebalance.Reason]int{rebalance.Harms: 2, rebalance.LocalData: 4},
		Mode: "Evict", Now: "node-7", Since: &since,
		Records: []rebalance.NodeRecord{{Time: since, Node: "node-5", Result: "given-up", Reason: rebalance.Disrupts, Why: "node-5 is not emptied (pdb); 1 pods were moved off it"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of 12 nodes could be emptied, one after the other; 3 were tried.", "node-9   2      2      shop/web-1 to node-2, shop/web-2 to node-4", "Nodes that stay: harm 2, local-data 4",
		"Packing: mode Evict. node-7 is marked as being emptied since 13:05:00.", "13:05:00   node-5   given-up   node-5 is not emptied (pdb)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
