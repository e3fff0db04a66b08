// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

// writeTrace makes a small trace of workloads with a daily rhythm.
func writeTrace(t *testing.T, workloads, days int) string {
	t.Helper()
	return commandtest.Trace(t, "<small>", workloads, days, func(w, step int) float64 {
		return 10 + 400*math.Pow(1+math.Sin(2*math.Pi*float64(step+7*w)/commandtest.StepsADay), 2)
	})
}

// Each configuration has an object a world and one over all, with the documented fields.
func TestReplay(t *testing.T) {
	dir := writeTrace(t, 24, 3)
	args := []string{"--trace", dir, "--nodes", "4", "--history", "1", "--days", "1", "--seeds", "2", "--config", "oracle"}
	out, err := commandtest.Output(t, NewCommand(), append(args, "-o", "json")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	count := map[string]int{}
	for _, row := range rows {
		count[fmt.Sprint(row["config"], " ", row["seed"])]++
		for _, field := range strings.Fields("trace density decisions unplaced hot80_node_minutes hot90_node_minutes hot100_node_minutes " +
			"memory90_node_minutes unmet_cpu_core_minutes p99_node_cpu imbalance oom_node_minutes ratio_to_stock") {
			if _, ok := row[field]; !ok {
				t.Errorf("%v has no %s", row["config"], field)
			}
		}
		if ratio := row["ratio_to_stock"].(map[string]any)["hot80_node_minutes"].(float64); row["config"] == "stock" && ratio != 1 {
			t.Errorf("stock is %v times itself", ratio)
		}
		if _, ok := row["ratio_interval"]; ok != (row["seed"] == nil) {
			t.Errorf("interval: %v with seed %v", ok, row["seed"])
		}
	}
	for _, want := range []string{"stock 1", "stock 2", "stock <nil>", "oracle 1", "oracle 2", "oracle <nil>"} {
		if count[want] != 1 {
			t.Errorf("%d rows of %s, want 1; all: %v", count[want], want, count)
		}
	}
}

// The files hold each configuration, a heat map and the curves, and names of traces are shown, not run.
func TestFiles(t *testing.T) {
	html, md := filepath.Join(t.TempDir(), "report.html"), filepath.Join(t.TempDir(), "page.md")
	table, err := commandtest.Output(t, NewCommand(), "--trace", writeTrace(t, 24, 3)+"@.3,.5", "--nodes", "3", "--cold", "--seeds", "1", "--report", html, "--page", md)
	if err != nil || !strings.Contains(table, "3 equal nodes at 0.30") || !strings.Contains(table, "3 equal nodes at 0.50") {
		t.Errorf("%v\n%s", err, table)
	}
	page, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), "<svg"); n != 2*(1+2) {
		t.Errorf("%d drawings, want curves and two heat maps of two cells", n)
	}
	if strings.Contains(string(page), "<small>") || !strings.Contains(string(page), "&lt;small&gt;") {
		t.Error("the trace's name is not escaped")
	}
	text, err := os.ReadFile(md)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Mean over the tables below", "3 equal nodes, 30 % CPU", "| foresight |", "| stock | 1.00 |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// The oracle never needs more nodes than stock here, and nobody fewer than half.
func TestPack(t *testing.T) {
	out, err := commandtest.Output(t, NewCommand(), "--trace", writeTrace(t, 24, 3), "--nodes", "4", "--history", "0.5", "--days", "0.5", "--seeds", "1", "--config", "oracle", "--pack", "5", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []packedRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if len(rows) != 4 {
		t.Fatalf("%d rows, want two worlds' and two over all: %s", len(rows), out)
	}
	if stock, knows := rows[2], rows[3]; stock.Config != "stock" || !stock.Enough || stock.Nodes < 2 || stock.Nodes > 8 || knows.Nodes > stock.Nodes {
		t.Errorf("stock needs %v and the oracle %v", stock, knows)
	}
}

// What is wrong is told by the flag's name.
func TestReplayRefuses(t *testing.T) {
	dir := writeTrace(t, 4, 2)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("kind: Pod\napiVersion: v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--trace", t.TempDir()}, "--trace"},
		{[]string{"--trace", dir, "--nodes", "0"}, "--nodes"},
		{[]string{"--trace", dir, "--density", "2"}, "--density"},
		{[]string{"--trace", dir + "@.4,2"}, "--density"},
		{[]string{"--trace", dir + "@x"}, "--trace"},
		{[]string{"--trace", dir, "--node-sizes", "equal,odd"}, "--node-sizes"},
		{[]string{"--trace", dir, "--pack", "-1"}, "--pack"},
		{[]string{"--trace", dir, "--pack", "5", "--page", "x.md"}, "--pack"},
		{[]string{"--trace", dir, "--report", filepath.Join(dir, "none", "x.html")}, "--report"},
		{[]string{"--trace", dir, "--page", filepath.Join(dir, "none", "x.md")}, "--page"},
		{[]string{"--trace", dir, "--days", "0"}, "--days"},
		{[]string{"--trace", dir, "--history", "-1"}, "--history"},
		{[]string{"--trace", dir, "--seeds", "0"}, "--seeds"},
		{[]string{"--trace", dir, "--repeats", "0"}, "--repeats"},
		{[]string{"--trace", dir, "--parallel", "0"}, "--parallel"},
		{[]string{"--trace", dir, "--config", "nobody"}, "--config nobody"},
		{[]string{"--trace", dir, "--config", "x=" + file}, "--config x="},
		{[]string{"--trace", dir, "--config", "x=" + file + ".not"}, "--config x="},
		{[]string{"--trace", dir, "--config", "oracle", "--config", "oracle"}, "--config oracle"},
	} {
		if out, err := commandtest.Output(t, NewCommand(), c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v\n%s", c.args, err, out)
		}
	}
}
