// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// docs/reference/flags.md has a row for every flag, of today and old, and none for a flag that there
// is not; and the flags of other components are those that the scheduler explains.
func TestFlagsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/reference/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	cmd := newCommand()
	cmd.InitDefaultHelpFlag()
	row := regexp.MustCompile("(?m)^\\| `--([a-z0-9-]+)` \\|")
	rows := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(page, -1) {
		if rows[match[1]] {
			t.Errorf("--%s has two rows", match[1])
		}
		rows[match[1]] = true
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !rows[f.Name] {
			t.Errorf("--%s is not in docs/reference/flags.md", f.Name)
		}
		delete(rows, f.Name)
	})
	for name := range rows {
		t.Errorf("--%s is in docs/reference/flags.md, and the scheduler does not have it", name)
	}
	for _, c := range components {
		want := "| " + c.name + " | `--" + strings.Join(c.flags, "`, `--") + "` |\n"
		if !strings.Contains(page, want) {
			t.Errorf("docs/reference/flags.md lacks the row\n%s", want)
		}
		for _, name := range c.flags {
			if cmd.Flags().Lookup(name) != nil {
				t.Errorf("--%s is said to be %s's, and the scheduler has it", name, c.name)
			}
		}
	}
}
