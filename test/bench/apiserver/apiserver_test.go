// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The binder is this binary again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == binder {
		main()
		return
	}
	os.Exit(m.Run())
}

// Both schedulers place every pod through the real API server, and it is told whose CPU time that took.
func TestBothSchedulersPlaceAllPods(t *testing.T) {
	repo, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(repo, "bin/localcluster")); err != nil {
		t.Skip("`make build` has not been run: ", err)
	}
	dir := filepath.Join(t.TempDir(), "cluster")
	page := filepath.Join(t.TempDir(), "page.md")
	var out, progress bytes.Buffer
	cmd := newCommand()
	cmd.SetArgs([]string{"--nodes", "40", "--pods", "30", "--repeats", "1", "--variant", "foresight,stock,binder", "--bin", filepath.Join(repo, "bin"), "--dir", dir, "--page", page, "-o", "json"})
	cmd.SetOut(&out)
	cmd.SetErr(&progress)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	var results []result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	if len(results) != 3 || results[0].Variant != "foresight" || results[1].Variant != "stock" || results[2].Variant != "binder" {
		t.Fatalf("got %s", &out)
	}
	for _, r := range results {
		if r.PodsPerSecond <= 0 || len(r.RatioToStock) != 3 || len(r.RatioToBinder) != 3 || r.APIServerShare <= 0 || r.APIServerShare >= 1 {
			t.Errorf("got %+v", r)
		}
	}
	if text, err := os.ReadFile(page); err != nil || bytes.Count(text, []byte("\n| 40 | varied | ")) != 3 {
		t.Errorf("want a page with three rows, got %v\n%s", err, text)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the control plane's folder is left: %v", err)
	}
}

func TestRefusesWhatItCannotMeasure(t *testing.T) {
	for _, args := range []string{"--mix soft", "--nodes 0", "--repeats 0", "--variant volcano", "--output xml"} {
		cmd := newCommand()
		cmd.SetArgs(strings.Fields(args))
		cmd.SetErr(&bytes.Buffer{})
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), strings.Fields(args)[0]) {
			t.Errorf("%s: got error %v, want one that names the flag", args, err)
		}
	}
}
