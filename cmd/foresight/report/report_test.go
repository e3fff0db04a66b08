// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
	"github.com/foresight-scheduler/foresight/plugins/decision/compare"
)

func week() *compare.Report {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return &compare.Report{
		Since: begin, Time: begin.Add(167 * time.Hour), Hours: 160,
		Predicted: compare.Arm{Pods: 4312, Days: 2604.2, Hot: 31.2, Beyond: 21.4}, HeldOut: compare.Arm{Pods: 488, Days: 291.7, Hot: 55.1, Beyond: 44.9},
		Hot:    compare.Difference{Gain: 23.9, GainInterval: &[2]float64{9.6, 39.1}, Ratio: ptr.To(.57), RatioInterval: &[2]float64{.42, .79}},
		Beyond: compare.Difference{Gain: 23.5, GainInterval: &[2]float64{7.9, 41}, Ratio: ptr.To(.48), RatioInterval: &[2]float64{.33, .74}},
		Enough: true,
	}
}

func printed(t *testing.T, r *compare.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The transcript in the docs is what the command prints.
func TestTranscript(t *testing.T) {
	commandtest.Transcript(t, "../../../docs/use/report.md", "foresight report", printed(t, week()))
}

// The verdict goes by the interval, and none is given too early or where nothing is compared.
func TestVerdicts(t *testing.T) {
	early, harm, unclear, cool := week(), week(), week(), week()
	early.Enough = false
	harm.Hot.GainInterval = &[2]float64{-12, -3}
	unclear.Hot.GainInterval = &[2]float64{-2, 9}
	cool.HeldOut.Hot, cool.Predicted.Hot, cool.Hot = 0, 0, compare.Difference{GainInterval: &[2]float64{0, 0}}
	for want, r := range map[string]*compare.Report{
		"Too early to tell": early,
		"Predictions harm: a pod's node is hot for 3.0 to 12.0 minutes a day more": harm,
		"No difference is shown":      unclear,
		"There is nothing to compare": {},
	} {
		if got := printed(t, r); !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	if got := printed(t, early); strings.Contains(got, "0.42") {
		t.Errorf("an interval is told too early:\n%s", got)
	}
	if got := printed(t, cool); !strings.Contains(got, "No difference") || !strings.Contains(got, "-") {
		t.Errorf("nodes that are never hot:\n%s", got)
	}
}
