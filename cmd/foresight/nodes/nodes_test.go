// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

const gib = 1 << 30

func standing() *decision.Nodes {
	return &decision.Nodes{
		Nodes: []decision.Node{
			{
				Name: "node-1", Pods: 12, Rung: "fresh", AgeSeconds: 14,
				CPU: decision.Resources{Allocatable: 8, Requested: 4.2, Used: ptr.To(2.1), Expected: 2.3, Hour: decision.Range{Lower: 2, Upper: 3.4}, Day: decision.Range{Lower: 2.2, Upper: 6.1},
					Hours: &decision.Hours{Within: 262, Above: 11, Below: 7}},
				Memory: decision.Resources{Allocatable: 32 * gib, Requested: 8 * gib, Used: ptr.To[float64](6 * gib), Expected: 6 * gib, Hour: decision.Range{Lower: 5.8 * gib, Upper: 7 * gib}, Day: decision.Range{Lower: 5.9 * gib, Upper: 9 * gib},
					Hours: &decision.Hours{Within: 280}},
				Misses: []decision.Miss{
					{Begin: time.Date(2026, 3, 1, 9, 0, 0, 0, time.Local), Resource: "cpu", Forecast: decision.Range{Lower: 1.1, Upper: 3.2}, Came: 4.6},
					{Begin: time.Date(2026, 2, 28, 22, 0, 0, 0, time.Local), Resource: "cpu", Forecast: decision.Range{Lower: 2.4, Upper: 3.9}, Came: 1.9},
				},
			},
			{Name: "node-2", Pods: 1, Rung: "requests", AgeSeconds: -1, CPU: decision.Resources{Allocatable: 8}, Memory: decision.Resources{Allocatable: 32 * gib}},
		},
		Realised: []decision.Realised{{Resource: "cpu", Within: 530, Above: 19, Below: 11, Promised: .95}},
	}
}

func printed(t *testing.T, o *options, answer *decision.Nodes) string {
	t.Helper()
	var out bytes.Buffer
	if err := o.print(&out, answer); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What the docs show of a node that is named is what is printed: how often its forecasts held, and the hours that they missed.
func TestTranscripts(t *testing.T) {
	one := standing()
	one.Nodes = one.Nodes[:1]
	commandtest.Transcript(t, "../../../docs/use/commands.md", "foresight nodes node-1", printed(t, &options{Flags: leader.Flags{Format: output.Table}, detail: true}, one))

	var out bytes.Buffer
	if err := printQoS(&out, service()); err != nil {
		t.Fatal(err)
	}
	commandtest.Transcript(t, "../../../docs/use/commands.md", "foresight nodes --qos", out.String())
}

// A node of which no hour was judged has nothing that held; the wide table has the last miss.
func TestTables(t *testing.T) {
	plain, wide := printed(t, &options{Flags: leader.Flags{Format: output.Table}}, standing()), printed(t, &options{Flags: leader.Flags{Format: output.Wide}}, standing())
	for text, want := range map[string]bool{"96 %, 100 % of 280 h": true, "LAST MISS": false, "Mar 1 09:00": false} {
		if strings.Contains(plain, text) != want {
			t.Errorf("%q in the table: want %v\n%s", text, want, plain)
		}
	}
	if want := "Mar 1 09:00: cpu 4.6, predicted 1.1–3.2"; !strings.Contains(wide, want) {
		t.Errorf("no %q in\n%s", want, wide)
	}
	for line := range strings.Lines(plain) {
		if strings.HasPrefix(line, "node-2") && !strings.HasSuffix(strings.TrimRight(line, " \n"), "-") {
			t.Errorf("node-2 held: %s", line)
		}
	}
	none := standing()
	none.Nodes = none.Nodes[1:]
	if got := printed(t, &options{Flags: leader.Flags{Format: output.Table}, detail: true}, none); !strings.Contains(got, "No hour is remembered") || strings.Contains(got, "HOUR FROM") {
		t.Errorf("a node without misses:\n%s", got)
	}
}

func service() *decision.QoS {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	all := func(latency, realtime, availability, batch float64) map[string]decision.QoSService {
		class := func(risk float64) decision.QoSService {
			// The scheduler makes intervals in log-odds.
			odds := risk / (1 - risk)
			low, high := odds/2, odds*2
			return decision.QoSService{Risk: risk, Low: low / (1 + low), High: high / (1 + high), Class: map[bool]string{true: "good", false: map[bool]string{true: "fair", false: "poor"}[risk < .3]}[risk < .1]}
		}
		return map[string]decision.QoSService{"latency": class(latency), "realtime": class(realtime), "availability": class(availability), "batch": class(batch)}
	}
	return &decision.QoS{Profiles: []decision.QoSProfile{{
		Profile: "foresight-scheduler", Rung: "model", Scores: true, Time: &at,
		Objectives: []decision.QoSObjective{
			{Objective: "latency", QoSOutcomes: decision.QoSOutcomes{Placed: 240, Judged: 212, Predicted: 14.3, Violated: 16, Own: 3}}, {Objective: "realtime"},
			{Objective: "availability", QoSOutcomes: decision.QoSOutcomes{Placed: 96, Judged: 90, Predicted: 1.2, Violated: 1}},
			{Objective: "batch", QoSOutcomes: decision.QoSOutcomes{Placed: 55, Judged: 31, Predicted: .9}},
		},
		Nodes: []decision.QoSNode{{Name: "node-2", Service: all(.42, .66, .09, .2)}, {Name: "node-1", Service: all(.031, .08, .004, .012)}},
	}}}
}

// Objectives that the operator named stand in a table of their own, with what their query may say, and why one fails.
func TestNamedObjectivesAreShown(t *testing.T) {
	answer := service()
	answer.Profiles[0].Named = []decision.QoSNamed{
		{Name: "checkout-p99", QoSOutcomes: decision.QoSOutcomes{Placed: 40, Judged: 30, Predicted: 1.5, Violated: 3, Own: 2}, AtMost: .2, Unit: "seconds", Values: 812},
		{Name: "pay-errors", AtMost: .01, Unit: "share", Failing: "query x: bad_data:\nparse error"}, {Name: "queue", AtMost: 1.5}, {Name: "slow", AtMost: 2, Unit: "seconds"},
		{Name: "critical", QoSOutcomes: decision.QoSOutcomes{Placed: 4}},
	}
	var out bytes.Buffer
	if err := printQoS(&out, answer); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{
		"NAME AT MOST PLACED JUDGED PREDICTED TO LOSE SERVICE LOST IT BY THEIR OWN DOING VALUES",
		"checkout-p99 200 ms 40 30 1.5 (5.0 %) 3 (10.0 %) 2 812", "pay-errors 1 % 0 0 - - 0 0", "queue 1.5 0 0 - - 0 0", "slow 2 s 0 0 - - 0 0", "critical - 4 0 - - 0 -",
		`The query of pay-errors fails, and its pods are judged without it: "query x: bad_data:\nparse error"`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
}

// Without the plugin, and before the first pod, the tables say what lacks.
func TestQoSThatIsNotKnown(t *testing.T) {
	early := service()
	early.Profiles[0].Time, early.Profiles[0].Nodes, early.Profiles[0].Rung = nil, nil, "utilisation"
	for want, answer := range map[string]*decision.QoS{"No profile of the scheduler has the plugin PredictedQoS": {}, "none was yet": early} {
		var out bytes.Buffer
		if err := printQoS(&out, answer); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("want %q, got %v and\n%s", want, err, out.String())
		}
	}
}
