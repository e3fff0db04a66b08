// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

// No command overwrites a file that it did not write. Each is given all that it needs but for a good place to write to.
func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(policy, []byte(`{"kind": "Policy", "apiVersion": "v1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// By command and flag. A folder's recording has tests of its own: it is more than one file.
	args := map[string][]string{
		"backtest --report":       {"--trace", "/does/not/exist"},
		"convert-policy --output": {policy},
		"model train --out":       {"--data", "/does/not/exist"},
		"replay --page":           {"--trace", "/does/not/exist"},
		"replay --report":         {"--trace", "/does/not/exist"},
	}
	elsewhere := []string{"record --out"}

	writes := regexp.MustCompile("(?i)file to write|written to|folder to write")
	found := map[string]bool{}
	var walk func(path []string, cmd *cobra.Command)
	walk = func(path []string, cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(append(path[:len(path):len(path)], sub.Name()), sub)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if writes.MatchString(f.Usage) {
				found[strings.Join(path, " ")+" --"+f.Name] = true
			}
		})
	}
	walk(nil, newCommand("foresight"))
	for _, name := range elsewhere {
		delete(found, name)
	}
	for name := range found {
		if args[name] == nil {
			t.Errorf("foresight %s writes, and no test says what becomes of another's file", name)
		}
	}

	for name, more := range args {
		if !found[name] {
			t.Errorf("there is no foresight %s", name)
		}
		thesis := filepath.Join(t.TempDir(), "thesis.tex")
		if err := os.WriteFile(thesis, []byte("42"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := commandtest.Run(t.Context(), newCommand("foresight"), "", append(append(strings.Fields(name), thesis), more...)...)
		if err == nil || !strings.Contains(err.Error(), thesis) || !strings.Contains(err.Error(), "not written by") {
			t.Errorf("foresight %s: %v", name, err)
		}
		if data, err := os.ReadFile(thesis); err != nil || string(data) != "42" {
			t.Errorf("foresight %s: the file holds %q, %v", name, data, err)
		}
	}
}
