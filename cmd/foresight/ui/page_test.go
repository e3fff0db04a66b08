// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
	"github.com/foresight-scheduler/foresight/test/browsertest"
)

// A page of 5,000 nodes draws those that can be seen, the fullest first, and no markup that somebody wrote into a name.
func TestManyNodes(t *testing.T) {
	chromium := browsertest.Chromium(t)
	const markup = `<img src=x onerror=alert(1)>`
	from := &fake{nodes: decision.Nodes{Time: time.Now()}}
	for i := range 5000 {
		n := node(fmt.Sprintf("node-%d", i), float64(i%4))
		n.CPU.Day = decision.Range{Lower: 1, Upper: float64(i) / 1000}
		n.CPU.Requested, n.Rung, n.Pods = 2, "fresh", 10
		from.nodes.Nodes = append(from.nodes.Nodes, n)
	}
	from.nodes.Nodes[0].Name, from.nodes.Nodes[0].CPU.Day.Upper = markup, 99
	for _, width := range []int{1280, 480} {
		document := browsertest.Open(t, chromium, browsertest.View{
			Address: served(t, from), Width: width, Height: 900, Screenshot: filepath.Join(t.ArtifactDir(), fmt.Sprintf("nodes-5000-%d.png", width)),
		})
		rows := strings.Count(document, `role="listitem"`)
		if rows < 5 || rows > 100 {
			t.Errorf("at %d pixels %d rows are drawn, want those that can be seen", width, rows)
		}
		for _, want := range []string{"5000 of 5000 nodes", "node-4999", "&lt;img src=x"} {
			if !strings.Contains(document, want) {
				t.Errorf("at %d pixels the page has no %q", width, want)
			}
		}
		if strings.Contains(document, markup) {
			t.Error("a name is read as markup")
		}
		t.Logf("%d pixels: drawn after %s ms", width, regexp.MustCompile(`data-drawn="(\d+)"`).FindStringSubmatch(document))
	}
}

// The report of an onlooker says what was seen, and no more.
func TestShadowView(t *testing.T) {
	chromium := browsertest.Chromium(t)
	horizon := shadow.Horizon{Pods: 312, Workloads: 41, Enough: true, Came: shadow.Came{Hours: 24}, HotMinutes: shadow.Estimate{Sum: 650, SumInterval: &[2]float64{360, 940}}}
	report := shadow.Report{
		Schedulers: []string{"default-scheduler"}, Profile: "foresight-shadow", Results: map[shadow.Result]int{shadow.Same: 3, shadow.Differs: 1},
		Together: shadow.Together{Minutes: 1500, Enough: true, Theirs: shadow.Load{HotMinutes: 2520}, Ours: shadow.Load{HotMinutes: 1930},
			HotMinutes: shadow.Estimate{Sum: 590, SumInterval: &[2]float64{280, 900}}},
		Horizons:  []shadow.Horizon{horizon},
		Workloads: []shadow.Row{{Workload: shadow.Workload{Namespace: "shop", Kind: "Deployment", Name: "api"}, Decided: 84, Differ: 37, Gain: shadow.Load{HotMinutes: 255}}},
	}
	from := &fake{shadow: &report}
	document := browsertest.Open(t, chromium, browsertest.View{Address: served(t, from) + "#shadow", Width: 1280, Height: 700, Screenshot: filepath.Join(t.ArtifactDir(), "shadow-1280.png")})
	for _, want := range []string{"pods of default-scheduler", "75.0 %", "over 25.0 h", "2520", "1930", "280 to 900", "Ours would have been better", "360 to 940", "shop/api", "255"} {
		if !strings.Contains(document, want) {
			t.Errorf("no %q in %s", want, document)
		}
	}
}

// Moves says which pods were moved or would be and why, what that brought, and why others stay; or that there is no rebalancer.
func TestMovesView(t *testing.T) {
	chromium := browsertest.Chromium(t)
	brought, until := 37.2, time.Now().Add(time.Hour)
	report := rebalance.Report{
		Time: time.Now(), Mode: "Evict", Suffers: 96.4, Promised: 210, Realised: 12, Stopped: &until,
		Refused: map[rebalance.Reason]int{rebalance.Stays: 2, rebalance.Disrupts: 1},
		Closest: []rebalance.NotMoved{{Namespace: "shop", Pod: "db-0", From: "node-3", To: "node-4", Cures: 61, Gain: 3.5, Reason: rebalance.TooLittle}},
		Resizes: []rebalance.Resize{{Namespace: "shop", Workload: "shop/Deployment/small", Pods: 3, Node: "node-3", Pod: "small-1", Requested: .1, Suggested: .85}},
		Records: []rebalance.Record{
			{Time: time.Now(), Namespace: "shop", Pod: "web-7", From: "node-3", To: "node-5", Gain: 41, Result: "moved", Successor: "web-8", On: "node-5", Why: "<b>node-3</b> was full", Realised: &brought, RealisedMinutes: 25},
			{Time: time.Now(), Namespace: "shop", Pod: "api-1", From: "node-3", To: "node-6", Gain: 20, Result: "pdb", Why: "node-3 was full. Refused: budget"},
		},
	}
	for _, width := range []int{1280, 480} {
		document := browsertest.Open(t, chromium, browsertest.View{
			Address: served(t, &fake{moves: &report}) + "#moves", Width: width, Height: 700, Screenshot: filepath.Join(t.ArtifactDir(), fmt.Sprintf("moves-%d.png", width)),
		})
		for _, want := range []string{
			"Pods are moved", "96.4 core-minutes", "promised 210 core-minutes and brought 12.0", "Nothing moves until", "shop/web-7", "moved: web-8 on ", "37.2 in 25.0 min", "&lt;b&gt;node-3&lt;/b&gt; was full",
			"refused by a PodDisruptionBudget", "shop/db-0", "the gain is too small", "the scheduler would put it back", "shop/Deployment/small", "<td>0.85</td>",
		} {
			if !strings.Contains(document, want) {
				t.Errorf("at %d pixels: no %q in %s", width, want, document)
			}
		}
	}
	document := browsertest.Open(t, chromium, browsertest.View{Address: served(t, &fake{moves: &rebalance.Report{Mode: "Suggest", Refused: map[rebalance.Reason]int{}, Records: []rebalance.Record{}, Closest: []rebalance.NotMoved{}}}) + "#moves", Width: 1280, Height: 700, Screenshot: filepath.Join(t.ArtifactDir(), "moves-none.png")})
	for _, want := range []string{"Moves are suggested", "has not looked", "No move was found yet", "None at the last look"} {
		if !strings.Contains(document, want) {
			t.Errorf("before the first look: no %q in %s", want, document)
		}
	}
}

// A pod that was moved says so also when it is gone, and nobody knows any more why it was placed.
func TestDecisionOfMovedPod(t *testing.T) {
	chromium := browsertest.Chromium(t)
	from := &fake{
		decisions: []decision.Record{{Time: time.Now(), Pod: decision.Pod{Namespace: "shop", Name: "web-7", UID: "7"}, Node: "node-3"}},
		explained: &decision.Explanation{Gone: true, Moves: []decision.Move{{Time: time.Now(), Result: rebalance.Made, Pod: "web-7", Successor: "web-8", Why: "node-3 was full"}}},
	}
	document := browsertest.Open(t, chromium, browsertest.View{Address: served(t, from) + "#decisions/shop/web-7", Width: 1280, Height: 700, Screenshot: filepath.Join(t.ArtifactDir(), "moved-1280.png")})
	for _, want := range []string{"The pod is gone.", "in whose place web-8 came: node-3 was full", "Nothing is known of how it was decided."} {
		if !strings.Contains(document, want) {
			t.Errorf("no %q in %s", want, document)
		}
	}
}

// Trust says how often forecasts held, and where they come from.
func TestTrustView(t *testing.T) {
	chromium := browsertest.Chromium(t)
	n := node("a", 1)
	n.Rung = "stale"
	from := &fake{nodes: decision.Nodes{Nodes: []decision.Node{n}, Realised: []decision.Realised{{Resource: "cpu", Within: 95, Above: 3, Below: 2, Promised: .95}}}}
	document := browsertest.Open(t, chromium, browsertest.View{Address: served(t, from) + "#trust", Width: 1280, Height: 700, Screenshot: filepath.Join(t.ArtifactDir(), "trust-1280.png")})
	for _, want := range []string{"<td>100</td><td>95.0 %</td><td>97.0 %</td><td>3</td><td>2</td>", "<th scope=\"row\">stale</th><td>1</td>"} {
		if !strings.Contains(document, want) {
			t.Errorf("no %q in %s", want, document)
		}
	}
}

// One node says how its forecasts came out, and which hours they missed; trust names the nodes whose forecasts held least.
func TestOneNode(t *testing.T) {
	chromium := browsertest.Chromium(t)
	n := node("worker/1", 1) // Its name is encoded.
	n.CPU.Hours, n.Rung = &decision.Hours{Within: 90, Above: 8, Below: 2}, "fresh"
	n.Misses = []decision.Miss{{Begin: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Resource: "cpu", Forecast: decision.Range{Lower: 1.1, Upper: 2.5}, Came: 3.75}}
	from := &fake{nodes: decision.Nodes{Nodes: []decision.Node{n}, Realised: []decision.Realised{{Resource: "cpu", Within: 90, Above: 8, Below: 2, Promised: .95}}}}
	for view, wants := range map[string][]string{
		"nodes/worker%2F1": {"92.0 % of 100 h", "95.0 %", "1.1–2.5", "3.8", "1.3 above"},
		"trust":            {"Nodes whose forecasts held least", "#nodes/worker%2F1", "92.0 %"},
		"nodes":            {"#nodes/worker%2F1"},
	} {
		document := browsertest.Open(t, chromium, browsertest.View{Address: served(t, from) + "#" + view, Width: 1280, Height: 700, Screenshot: filepath.Join(t.ArtifactDir(), "one-"+view[:5]+".png")})
		for _, want := range wants {
			if !strings.Contains(document, want) {
				t.Errorf("%s: no %q in %s", view, want, document)
			}
		}
	}
}

// The QoS view says which service nodes give and whether that was foretold, or that nothing foretells it.
func TestQoSView(t *testing.T) {
	chromium := browsertest.Chromium(t)
	at := time.Now()
	profile := decision.QoSProfile{
		Profile: "careful", Rung: "model", Time: &at,
		Objectives: []decision.QoSObjective{{Objective: "latency", QoSOutcomes: decision.QoSOutcomes{Placed: 240, Judged: 200, Predicted: 14.3, Violated: 16, Own: 3}}, {Objective: "batch"}},
		Nodes:      []decision.QoSNode{{Name: "node-7", Service: map[string]decision.QoSService{"latency": {Risk: .42, Class: "poor"}, "batch": {Risk: .05, Class: "good"}}}},
	}
	for _, width := range []int{1280, 480} {
		document := browsertest.Open(t, chromium, browsertest.View{
			Address: served(t, &fake{qos: &decision.QoS{Profiles: []decision.QoSProfile{profile}}}) + "#qos", Width: width, Height: 700,
			Screenshot: filepath.Join(t.ArtifactDir(), fmt.Sprintf("qos-%d.png", width)),
		})
		for _, want := range []string{"careful", "14.3 (7.2 %)", "16 (8.0 %)", "node-7", "poor (42.0 %)", "good (5.0 %)", "by the model"} {
			if !strings.Contains(document, want) {
				t.Errorf("no %q in %s", want, document)
			}
		}
	}
	document := browsertest.Open(t, chromium, browsertest.View{Address: served(t, &fake{qos: &decision.QoS{Profiles: []decision.QoSProfile{}}}) + "#qos", Width: 480, Height: 700})
	if !strings.Contains(document, "No profile predicts the service") {
		t.Error(document)
	}
}
