// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

// writeTrace makes a small trace: workloads with a daily rhythm, noise and some spikes.
func writeTrace(t *testing.T, workloads, days int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	return commandtest.Trace(t, "small", workloads, days, func(w, step int) float64 {
		return min(1000, 200+100*math.Sin(2*math.Pi*float64(step+9*w)/commandtest.StepsADay)+40*rng.ExpFloat64())
	})
}

// Every method has a row with the documented fields, and 0 ≤ violation ≤ 1; the report shows them all.
func TestBacktest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.html")
	out, err := commandtest.Output(t, NewCommand(), "--trace", writeTrace(t, 24, 12), "--group", "6", "--machines", "10", "--train-groups", "60", "--horizons", "1", "-o", "json", "--report", file)
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
	checkReport(t, file, methods)
}

// checkReport holds a report of one resource and horizon against the methods it has to show.
func checkReport(t *testing.T, file string, methods map[string]bool) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := html.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	count, rows, labels := map[string]int{}, map[string]bool{}, map[string]bool{}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		for _, a := range n.Attr {
			if a.Key == "src" || a.Key == "href" {
				t.Errorf("the page needs %s", a.Val)
			}
		}
		if n.FirstChild == nil {
			continue
		}
		switch {
		case n.Data == "tr" && n.FirstChild.Data == "td":
			rows[n.FirstChild.FirstChild.Data] = true
		case n.Data == "text":
			labels[n.FirstChild.Data] = true
		}
	}
	if count["table"] != 1 || count["svg"] != 4 || count["h1"] != 1 {
		t.Errorf("elements of the page: %v, want a table and four plots", count)
	}
	for method := range methods {
		if !rows[method] || !labels[method] {
			t.Errorf("%q is in the table: %v, in the plot: %v", method, rows[method], labels[method])
		}
	}
}

// What cannot be written is said at once, and a run that fails leaves no file.
func TestBacktestReportFile(t *testing.T) {
	for _, file := range []string{"/does/not/exist/report.html", t.TempDir()} {
		if _, err := commandtest.Output(t, NewCommand(), "--trace", "no-trace", "--report", file); err == nil || !strings.Contains(err.Error(), "--report: open "+file) {
			t.Errorf("error = %v", err)
		}
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if _, err := commandtest.Output(t, NewCommand(), "--trace", "no-trace", "--report", file); err == nil || !strings.Contains(err.Error(), "no-trace") {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was left: %v", err)
	}
}

func TestBacktestRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no trace":         {nil, "trace"},
		"no such folder":   {[]string{"--trace", "/does/not/exist"}, "/does/not/exist"},
		"output":           {[]string{"--trace", ".", "-o", "xml"}, "xml"},
		"too few":          {[]string{"--trace", writeTrace(t, 4, 3)}, "4 workloads; two halves with machines of 25 need 50: --group 2 would do, and a recording of pods (foresight record --what pods)"},
		"too short":        {[]string{"--trace", writeTrace(t, 24, 1), "--group", "6", "--horizons", "24"}, "24h0m0s, which is too short"},
		"rate not a share": {[]string{"--trace", writeTrace(t, 24, 3), "--group", "6", "--violation", "2"}, "violation"},
	} {
		if out, err := commandtest.Output(t, NewCommand(), tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error about %q\n%s", name, err, tc.want, out)
		}
	}
}
