// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

// What is typed behind --output decides how the answer is written; what is no format is refused with the flag's name.
func TestFormats(t *testing.T) {
	wide := false
	run := func(args ...string) (string, error) {
		var f Format
		cmd := &cobra.Command{
			Use: "answer",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return Print(cmd.OutOrStdout(), f, []int{7}, func(out io.Writer, answer []int) error {
					_, err := fmt.Fprintln(out, "ANSWER", answer[0])
					return err
				})
			},
		}
		if wide {
			f.AddWideFlag(cmd)
		} else {
			f.AddFlag(cmd)
		}
		stdout, _, err := commandtest.Run(t.Context(), cmd, "", args...)
		return stdout, err
	}
	for typed, want := range map[string]string{"": "ANSWER 7\n", "-o table": "ANSWER 7\n", "--output=json": "[\n  7\n]\n", "-o yaml": "- 7\n"} {
		if got, err := run(strings.Fields(typed)...); got != want || err != nil {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	if got, err := run("-o", "xml"); err == nil || !strings.Contains(err.Error(), "--output") || !strings.Contains(err.Error(), "table, json or yaml") || got != "" {
		t.Errorf("xml: %q, %v", got, err)
	}
	if got, _ := run("__complete", "--output", ""); !strings.HasPrefix(got, "table\njson\nyaml\n") {
		t.Errorf("completions %q", got)
	}
	if got, err := run("-o", "wide"); err == nil {
		t.Errorf("wide, where there is no wide table: %q", got)
	}
	wide = true
	for typed, want := range map[string]string{"": "ANSWER 7\n", "-o wide": "ANSWER 7\n", "-o yaml": "- 7\n"} {
		if got, err := run(strings.Fields(typed)...); got != want || err != nil {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	if _, err := run("-o", "xml"); err == nil || !strings.Contains(err.Error(), "table, wide, json or yaml") {
		t.Errorf("xml, with a wide table: %v", err)
	}
}
