// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/backtest"
)

// A trace's name is shown, not run, and a method that never violates has no place on the logarithmic axis.
func TestWrite(t *testing.T) {
	example := []backtest.Example{{Hours: []int{24, 25}, Forecasts: []float64{.5, .6}, Peaks: []float64{.4, .7}}}
	results := []backtest.Result{
		{
			Trace: "<script>", Resource: "cpu", HorizonHours: 1, Method: backtest.Method, Examples: example,
			Violation: .01, Savings: .5, TestScaled: .4, Curve: []backtest.Point{{Violation: .01, Savings: .5}, {Violation: .02, Savings: .6}},
		},
		{Trace: "<script>", Resource: "cpu", HorizonHours: 1, Method: "last value", Examples: example, Curve: []backtest.Point{{}}},
	}
	var out bytes.Buffer
	if err := Write(&out, results, backtest.Options{Machines: 8, Group: 5, Violation: .005}); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if strings.Contains(page, "<script>") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the trace's name is not escaped")
	}
	for _, want := range []string{"At 0.5 %", "8 machines of 5 workloads", "best baseline, last value", Mark} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if n := strings.Count(page, "<svg"); n != 2 {
		t.Errorf("%d plots, want 2", n)
	}
}
