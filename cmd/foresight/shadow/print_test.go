// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
)

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// day is a report after a day and two hours.
func day() *shadow.Report {
	load := func(hot, over float64) shadow.Load { return shadow.Load{HotMinutes: hot, OverCoreMinutes: over} }
	estimate := func(sum, half, pods float64) shadow.Estimate {
		return shadow.Estimate{Sum: sum, Mean: sum / pods, SumInterval: &[2]float64{sum - half, sum + half}, MeanInterval: &[2]float64{(sum - half) / pods, (sum + half) / pods}}
	}
	came := func(hours, scale float64) shadow.Came {
		return shadow.Came{
			Hours: hours, Minutes: 60 * hours * 312, Theirs: load(5210*scale, 4100*scale), TheirsWithout: load(4380*scale, 3320*scale),
			Ours: load(410*scale, 160*scale), OursWith: load(590*scale, 240*scale),
		}
	}
	api := shadow.Came{Hours: 24, Theirs: load(1480, 1210), TheirsWithout: load(1190, 930), Ours: load(60, 22), OursWith: load(95, 41)}
	batch := shadow.Came{Hours: 24, Theirs: load(205, 90), TheirsWithout: load(195, 81), Ours: load(40, 11), OursWith: load(88, 31)}
	return &shadow.Report{
		Since: begin, Time: begin.Add(26 * time.Hour), Schedulers: []string{"default-scheduler"}, Profile: "foresight-shadow",
		Counts:  shadow.Counts{Placed: 1204, Decided: 1200, Passed: 4, Unseen: 2, Foresaw: 1161, Records: 1200},
		Results: map[shadow.Result]int{shadow.Same: 402, shadow.AsGood: 371, shadow.Only: 112, shadow.Differs: 312, shadow.Nowhere: 3},
		Together: shadow.Together{Minutes: 26*60 - 2, Moved: 402, Now: 188, Theirs: load(2520, 1760), Ours: load(1930, 1210), HotMinutes: estimate(590, 310, 6),
			OverCoreMinutes: estimate(550, 280, 6), Enough: true},
		Horizons: []shadow.Horizon{
			{Pods: 312, Workloads: 41, Came: came(1, .1), HotMinutes: estimate(65, 84, 312), OverCoreMinutes: estimate(70, 31, 312), Enough: true},
			{Pods: 312, Workloads: 41, Ongoing: 96, Came: came(24, 1), HotMinutes: estimate(650, 290, 312), OverCoreMinutes: estimate(700, 310, 312), Enough: true},
		},
		Workloads: []shadow.Row{
			{Workload: shadow.Workload{Namespace: "shop", Kind: "Deployment", Name: "api"}, Decided: 84, Differ: 37, Pods: 37, Came: api, Gain: load(255, 261)},
			{Workload: shadow.Workload{Namespace: "data", Kind: "CronJob", Name: "report"}, Decided: 26, Differ: 9, Pods: 9, Came: batch, Gain: load(-38, -11)},
		},
		MoreWorkloads: 39,
		Realised:      []decision.Realised{{Resource: "cpu", Within: 250, Above: 9, Below: 21, Promised: .95}, {Resource: "memory", Within: 271, Above: 3, Below: 6, Promised: .95}},
		Cost:          shadow.Cost{CPUSeconds: 611, Bytes: 121 << 20, Requests: map[string]float64{"GET": 6610, "POST": 12, "PUT": 46900}},
	}
}

func printed(t *testing.T, r *shadow.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The transcript in the docs is what the command prints.
func TestTranscript(t *testing.T) {
	commandtest.Transcript(t, "../../../docs/use/shadow.md", "foresight shadow report", printed(t, day()))
}

// Where too little has been seen no interval is told and no verdict given, whatever the sums are.
func TestTooEarly(t *testing.T) {
	nothing := &shadow.Report{Since: begin, Time: begin.Add(time.Minute), Schedulers: []string{"default-scheduler"}, Profile: "foresight-shadow"}
	early := day()
	early.Together.Enough, early.Together.Minutes, early.Together.Moved = false, 180, 21
	for i := range early.Horizons {
		early.Horizons[i].Enough = false
	}
	worse, unclear, none := day(), day(), day()
	worse.Together.HotMinutes.SumInterval = &[2]float64{-500, -100}
	unclear.Together.HotMinutes.SumInterval = &[2]float64{-500, 100}
	none.Results = map[shadow.Result]int{shadow.Same: 10}
	for name, tc := range map[string]struct {
		r         *shadow.Report
		want, not string
	}{
		"nothing":           {nothing, "no pod was placed since the onlooker began", "agrees"},
		"early":             {early, "Too early to tell: it takes a day and 30 pods that would be elsewhere; there were 3.0 h and 21.", " to 9"},
		"better":            {day(), "Ours would have been better.", "Too early"},
		"worse":             {worse, "Ours would have been worse.", "better"},
		"no difference":     {unclear, "No difference is shown: the interval holds 0.", "better"},
		"always agrees":     {none, "agrees:    100.0 % of 10 pods", "All nodes"},
		"followed still":    {day(), "Followed still: 96.", ""},
		"without forecasts": {day(), "forecasts: 96.8 % of the decisions had any", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := printed(t, tc.r)
			if !strings.Contains(got, tc.want) || tc.not != "" && strings.Contains(got, tc.not) {
				t.Errorf("want %q and not %q:\n%s", tc.want, tc.not, got)
			}
		})
	}
}

func TestWhatCannotBeReported(t *testing.T) {
	for args, want := range map[string]string{
		"report --workloads 0": "--workloads", "report x": "unknown command", "report -o xml": "--output", "report --kubeconfig /does/not/exist": "/does/not/exist",
	} {
		if _, _, err := commandtest.Run(t.Context(), NewCommand(), "", strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", args, err, want)
		}
	}
}
