// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// Every mix can be placed by every variant, and the JSON has the fields it promises.
func TestEveryVariantPlacesEveryMix(t *testing.T) {
	for mix := range synthetic.Mixes {
		t.Run(mix, func(t *testing.T) {
			page := filepath.Join(t.TempDir(), "page.md")
			var out, progress bytes.Buffer
			cmd := newCommand()
			cmd.SetArgs([]string{"--nodes", "80", "--pods", "60", "--pods-per-node", "2", "--repeats", "1", "--limit", "60s", "--variant", strings.Join(variants, ","), "--mix", mix, "--page", page, "-o", "json"})
			cmd.SetOut(&out)
			cmd.SetErr(&progress)
			if err := cmd.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			var results []map[string]any
			if err := json.Unmarshal(out.Bytes(), &results); err != nil {
				t.Fatalf("%v in %s", err, &out)
			}
			if page, err := os.ReadFile(page); err != nil || strings.Count(string(page), "\n| 80 | "+mix+" | ") != len(variants) {
				t.Errorf("want a page with a row for each of %v, got %v\n%s", variants, err, page)
			}
			if len(results) != len(variants) {
				t.Fatalf("got %d results, want one for each of %v", len(results), variants)
			}
			want := []string{"allocs_per_pod", "cpu_us_per_pod", "mix", "nodes", "p50_us", "p99_us", "pods_per_second", "ratio_to_floor", "ratio_to_stock", "ratio_to_stock_all_nodes", "variant"}
			for i, r := range results {
				if got := slices.Sorted(maps.Keys(r)); !slices.Equal(got, want) {
					t.Errorf("fields are %v, want %v", got, want)
				}
				if r["variant"] != variants[i] || r["mix"] != mix || r["nodes"] != 80. {
					t.Errorf("result %d is of %v, %v nodes, mix %v", i, r["variant"], r["nodes"], r["mix"])
				}
			}
		})
	}
}

func TestRefusesWhatItCannotMeasure(t *testing.T) {
	for _, args := range []string{"--mix soft", "--nodes 0", "--repeats 0", "--variant volcano", "-o xml"} {
		cmd := newCommand()
		cmd.SetArgs(strings.Fields(args))
		cmd.SetErr(&bytes.Buffer{})
		flag := strings.Fields(args)[0]
		if flag == "-o" {
			flag = "--output"
		}
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: got error %v, want one that names the flag", args, err)
		}
	}
}

func TestGrowthIsPlotted(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetArgs([]string{"growth", "--nodes", "500,600", "--pods-per-node", "1,2", "--plots", dir, "--limit", "500ms"})
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 1+2*4 {
		t.Errorf("got %d lines, want a head and one for each of 4 sizes and 2 variants:\n%s", got, &out)
	}
	for _, name := range []string{"benchmarks-nodes.svg", "benchmarks-pods.svg"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Contains(data, []byte("<svg")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
