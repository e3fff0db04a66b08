// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func node(name string, total, spread, fit int64, lower, upper, expected float64) decision.Candidate {
	const gib = 1 << 30
	return decision.Candidate{
		Node: name, Total: total,
		Parts: []decision.Part{{Plugin: "PodTopologySpread", Score: spread}, {Plugin: "Taints", Score: 300}, {Plugin: "ResourceFit", Score: fit}},
		Predicted: []decision.Predicted{
			{Resource: "cpu", Hours: 24, Expected: expected, Lower: lower, Upper: upper, Pod: .5, Allocatable: 8, Bound: 8, Rung: "fresh"},
			{Resource: "memory", Hours: 24, Expected: gib, Lower: gib / 2, Upper: 1.5 * gib, Pod: .25 * gib, Allocatable: 32 * gib, Bound: 32 * gib, Rung: "fresh"},
		},
	}
}

// placed is a pod that went to an idle node, past one that a neighbour keeps busy.
func placed() *explained {
	idle, busy := node("node-2", 692, 200, 192, .1, .7, .3), node("node-1", 518, 200, 18, 3.2, 7.6, 6.9)
	idle.Chosen = true
	busy.Note = "pod batch-0 counts for 6.8 cores (by its owner); it was measured at 6.3"
	full := node("node-0", 0, 0, 0, .2, 2.1, .9)
	full.Parts, full.Refused, full.Plugin = nil, "Insufficient cpu: requested 7.8 + 0.5 of 8 cores", "ResourceFit"
	return &explained{Namespace: "shop", Pod: "web-0", Explanation: decision.Explanation{
		Node: "node-2", Scheduler: "foresight-scheduler", Profile: "foresight-scheduler",
		Record: &decision.Record{
			Pod: decision.Pod{Namespace: "shop", Name: "web-0"}, Time: noon.Add(-41 * time.Second), Profile: "foresight-scheduler", Node: "node-2", Path: decision.ByIndex,
			Nodes: 3, Feasible: 2, Total: 692, Alike: 1,
			Since: &decision.Outcome{Until: noon, NodeCPU: .35, NodeMemory: 1 << 30, PodCPU: .07, PodMemory: 90 << 20},
		},
		Evaluation: &decision.Evaluation{
			Time: noon.Add(-41 * time.Second), Nodes: 3, Feasible: 2, Alike: 1, MaxTotal: 1500,
			Weights:    []decision.Weight{{Plugin: "PodTopologySpread", Weight: 2}, {Plugin: "Taints", Weight: 3}, {Plugin: "ResourceFit", Weight: 2}},
			Candidates: []decision.Candidate{idle, busy, full},
			Forecast:   &decision.Forecast{Rung: "owner", Of: "StatefulSet shop/web", Amounts: decision.Amounts{CPU: .5, Memory: 256 << 20}, Hours: 24},
			Stock:      &decision.Choice{Node: "node-1", Alike: 1, Total: 800},
			Because:    "node-2 is 174 ahead of node-1; ResourceFit gives it 174 more (expected cpu with the pod: 0.3 of 8 cores against 6.9 of 8 cores)",
			Flip:       "node-1, if with the pod it were expected to use at most 0.6 of 8 cores (6.9 is expected)",
		},
	}}
}

func printed(t *testing.T, x *explained, wide bool) string {
	t.Helper()
	var out bytes.Buffer
	o := &options{clock: func() time.Time { return noon }, wide: wide}
	if err := o.print(&out, x); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The transcript in the docs is what the command prints.
func TestTranscript(t *testing.T) {
	commandtest.Transcript(t, "../../../docs/use/commands.md", "foresight explain web-0 -n shop", printed(t, placed(), false))
}

func TestWhatIsNotObviousIsSaid(t *testing.T) {
	unrecorded := placed()
	unrecorded.Record, unrecorded.Scheduler, unrecorded.Evaluation.Now = nil, "default-scheduler", true
	older := placed()
	older.Record, older.Evaluation.Now = nil, true
	late := placed()
	late.Evaluation.Changed, late.Evaluation.Time = 4, noon.Add(-40*time.Second)
	above := placed()
	above.Record.Since.NodeCPU = 2.5
	waits := placed()
	waits.Node, waits.Record.Node, waits.Record.Path, waits.Record.Feasible = "", "", decision.BySearch, 0
	waits.Evaluation.Candidates, waits.Evaluation.Feasible = waits.Evaluation.Candidates[2:], 0
	waits.Evaluation.Because, waits.Evaluation.Stock = "3 of 3 nodes: Insufficient cpu", &decision.Choice{}
	same := placed()
	same.Evaluation.Stock = &decision.Choice{Node: "node-2", Alike: 3}
	new := placed()
	new.Evaluation.Forecast = &decision.Forecast{Rung: "request", Amounts: decision.Amounts{CPU: .5, Memory: 1 << 28}, Hours: 24}
	for name, tc := range map[string]struct {
		x    *explained
		wide bool
		want []string
		not  string
	}{
		"another scheduler's": {unrecorded, false, []string{"not recorded: a pod of default-scheduler", "as profile foresight-scheduler sees it", "evaluated now, as if the pod had no node yet"}, "since then"},
		"older":               {older, false, []string{"not recorded: older than what is kept"}, ""},
		"late":                {late, false, []string{"evaluated 1s after the decision; 4 other nodes had changed by then"}, ""},
		"above":               {above, false, []string{"node-2 came to 2.5 cores", "above the forecast of 0.7 cores"}, "within the forecast"},
		"waits":               {waits, false, []string{"web-0 waits · ", "by upstream's search", "3 of 3 nodes: Insufficient cpu", "would find no node either"}, "chosen"},
		"all plugins":         {placed(), true, []string{"TAINTS", "PODTOPOLOGYSPREAD"}, ""},
		"telling plugins":     {placed(), false, []string{"RESOURCEFIT"}, "TAINTS"},
		"stock agrees":        {same, false, []string{"3 nodes are as good, this one among them"}, ""},
		"nothing learned":     {new, false, []string{"as it requests: nothing is learned of it yet"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := printed(t, tc.x, tc.wide)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q:\n%s", want, got)
				}
			}
			if tc.not != "" && strings.Contains(got, tc.not) {
				t.Errorf("it says %q:\n%s", tc.not, got)
			}
		})
	}
}

func TestWhatCannotBeExplained(t *testing.T) {
	for args, want := range map[string]string{
		"": "accepts 1 arg", "a b": "accepts 1 arg", "service/web": "name a pod, or deploy/NAME", "web -o xml": "--output", "web --kubeconfig /does/not/exist": "/does/not/exist",
	} {
		if _, _, err := commandtest.Run(t.Context(), NewCommand(), "", strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", args, err, want)
		}
	}
}

// A pod that was moved, or came in the place of one that was, says why and what it brought; one that stays says what holds it; and one that is
// gone is still told of.
func TestMoves(t *testing.T) {
	brought := 30.4
	moved := decision.Move{
		Time: noon, Result: "moved", Pod: "web-0", Successor: "web-9", From: "node-3", To: "node-5", On: "node-5", Gain: 41, Realised: &brought, RealisedMinutes: 90,
		Why: "node-3 is predicted at 9.1 of 8.0 cores at 14:00, and at 6.0 without web-0; moving it to node-5 saves 41 of 96 core-minutes",
	}
	gone := printed(t, &explained{Pod: "web-0", Explanation: decision.Explanation{Gone: true, Moves: []decision.Move{moved}}}, false)
	if want := "web-0 is gone\nmoved away:       2026-03-01 12:00:00 " + moved.Why + "; web-9 came in its place, on node-5; realised so far: 30 core-minutes in 1h30m0s\n"; gone != want {
		t.Errorf("%s, want %s", gone, want)
	}
	x := placed()
	x.Pod, x.Moves = "web-9", []decision.Move{moved}
	x.Stays = &decision.Stays{Time: noon, Reason: "pdb", Cures: 12.3, To: "node-4", Gain: 9.1}
	text := printed(t, x, false)
	for _, want := range []string{"because:", "came for web-0:   2026-03-01 12:00:00 node-3 is predicted", "stays:            without it its node would use 12 core-minutes less beyond what it runs well at, and it is not moved: pdb (to node-4, a gain of 9)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	x.Moves[0].Pod = "web-9"
	if text := printed(t, x, false); !strings.Contains(text, "came for web-9:   2026-03-01") {
		t.Errorf("a pod of the same name: %s", text)
	}
	x.Moves[0].Result, x.Moves[0].Pod, x.Moves[0].Successor, x.Moves[0].Realised = "pdb", "web-9", "", nil
	if text := printed(t, x, false); !strings.Contains(text, "move refused:     2026-03-01") {
		t.Error(text)
	}
}
