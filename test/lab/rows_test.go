// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func measured() []row {
	var rows []row
	for seed, ms := range []float64{10, 12, 30} {
		for _, burner := range []string{"", "a"} {
			for _, node := range []string{"a", "b"} {
				r := row{Seed: seed, Burner: burner, Node: node, latency: latency{Requests: 250, P50: ms, P99: 2 * ms}}
				if burner == node {
					r.P50, r.Pressure = 2*ms, 0.5
				}
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func TestSummaryComparesWithAlone(t *testing.T) {
	var out bytes.Buffer
	printSummary(&out, measured())
	for line := range strings.Lines(out.String()) {
		fields := strings.Fields(line)
		switch {
		case fields[0] == "a" && fields[1] == "a" && (fields[len(fields)-1] != "2.00" || !strings.Contains(line, "24.0 ms") || !strings.Contains(line, "50 %")):
			t.Errorf("next to the burner: %s", line)
		case fields[0] == "a" && fields[1] == "b" && fields[len(fields)-1] != "1.00":
			t.Errorf("away from the burner: %s", line)
		}
	}
}

func TestCSVAndPlotAreWritten(t *testing.T) {
	dir := t.TempDir()
	if err := writeCSV(filepath.Join(dir, "lab.csv"), measured()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "lab.csv"))
	if err != nil || strings.Count(string(data), "\n") != 13 || !strings.Contains(string(data), "0,a,a,250,0,20.000,0.000,20.000,0.500") {
		t.Errorf("%v:\n%s", err, data)
	}
	if err := plotRows(filepath.Join(dir, "lab.png"), measured()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "lab.png")); err != nil || info.Size() < 1000 {
		t.Errorf("%v, %v", info, err)
	}
}
