// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeTrace makes a small trace: workloads with a daily rhythm, noise and some spikes.
func writeTrace(t *testing.T, workloads, days int) string {
	t.Helper()
	const perDay = 24 * 4
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	var header, limits, usage strings.Builder
	header.WriteString("step")
	limits.WriteString("workload,cpu_limit_cores,memory_limit_bytes\n")
	for w := range workloads {
		fmt.Fprintf(&header, ",w%d", w)
		fmt.Fprintf(&limits, "w%d,%d,1e9\n", w, 1+w%4)
	}
	for step := range days * perDay {
		fmt.Fprintf(&usage, "\n%d", step)
		for w := range workloads {
			level := 200 + 100*math.Sin(2*math.Pi*float64(step+9*w)/perDay) + 40*rng.ExpFloat64()
			fmt.Fprintf(&usage, ",%.0f", min(1000, level))
		}
	}
	for name, data := range map[string]string{
		"trace.json":    fmt.Sprintf(`{"name":"small","interval_seconds":900,"start_unix":1700000000,"steps":%d,"unit":"per-mille of the workload's limit","resources":["cpu"]}`, days*perDay),
		"workloads.csv": limits.String(),
		"cpu.csv":       header.String() + usage.String() + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func runCommand(args ...string) (string, error) {
	var out bytes.Buffer
	cmd := newCommand("foresight")
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard) // progress
	err := cmd.Execute()
	return out.String(), err
}

// Every method has a row with the documented fields, and 0 ≤ violation ≤ 1.
func TestBacktest(t *testing.T) {
	out, err := runCommand("backtest", "--trace", writeTrace(t, 24, 12), "--group", "6", "--machines", "10", "--train-groups", "60", "--horizons", "1", "-o", "json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	methods := map[string]bool{}
	for _, row := range rows {
		methods[row["method"].(string)] = true
		for _, field := range []string{"trace", "resource", "horizon_hours", "violation", "savings", "savings_at_1pct_train_scaled", "savings_at_1pct_test_scaled", "coverage"} {
			if _, ok := row[field]; !ok {
				t.Errorf("%v has no %s", row["method"], field)
			}
		}
		if v := row["violation"].(float64); v < 0 || v > 1 {
			t.Errorf("%v violates %v", row["method"], v)
		}
	}
	for _, method := range []string{"foresight", "last value", "max 7 days", "vpa p90", "koordinator", "borg default"} {
		if !methods[method] {
			t.Errorf("no row of %q among %v", method, methods)
		}
	}
}

func TestBacktestRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no trace":         {[]string{"backtest"}, "trace"},
		"no such folder":   {[]string{"backtest", "--trace", "/does/not/exist"}, "/does/not/exist"},
		"output":           {[]string{"backtest", "--trace", ".", "-o", "xml"}, "xml"},
		"too few":          {[]string{"backtest", "--trace", writeTrace(t, 4, 3)}, "4 workloads"},
		"too short":        {[]string{"backtest", "--trace", writeTrace(t, 24, 1), "--group", "6", "--horizons", "24"}, "24h0m0s, which is too short"},
		"rate not a share": {[]string{"backtest", "--trace", writeTrace(t, 24, 3), "--group", "6", "--violation", "2"}, "violation"},
	} {
		if out, err := runCommand(tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error about %q\n%s", name, err, tc.want, out)
		}
	}
}
