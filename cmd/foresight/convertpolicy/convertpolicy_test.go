// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package convertpolicy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

// The example of docs/reference/old-settings.md gives what the page says, from a file and from the
// standard input, to the standard output and to a file.
func TestConvertPolicy(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/old-settings.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(?:json|yaml)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d code blocks in docs/reference/old-settings.md, want the policy and the configuration", len(blocks))
	}
	policy, want := blocks[0][1], blocks[1][1]
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}

	fromFile, said, err := commandtest.Run(t.Context(), NewCommand(), "", file)
	if err != nil {
		t.Fatal(err)
	}
	if fromFile != want {
		t.Errorf("docs/reference/old-settings.md has\n%s\nconvert-policy gives\n%s", want, fromFile)
	}
	if !strings.Contains(said, "note: priorities[2] EqualPriority: left out") {
		t.Errorf("the standard error lacks the notes:\n%s", said)
	}

	output := filepath.Join(t.TempDir(), "config.yaml")
	stdout, _, err := commandtest.Run(t.Context(), NewCommand(), policy, "-", "--scheduler-name", "mine", "-o", output)
	if err != nil || stdout != "" {
		t.Fatalf("%v, and on the standard output %q", err, stdout)
	}
	written, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Replace(string(written), "schedulerName: mine", "schedulerName: foresight-scheduler", 1); got != want {
		t.Errorf("to a file:\n%s", got)
	}
}

func TestConvertPolicyRefuses(t *testing.T) {
	for _, tc := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{`{"kind": "Policy", "apiVersion": "v1", "predicates": [{"name": "PodFits"}]}`, []string{"-"}, "predicates[0].name"},
		{"", []string{"/does/not/exist"}, "no such file"},
		{"", []string{"-"}, "empty"},
		{"", []string{"-", "--scheduler-name", "a b"}, "--scheduler-name"},
		{"", nil, "accepts 1 arg"},
	} {
		if stdout, _, err := commandtest.Run(t.Context(), NewCommand(), tc.stdin, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(stdout, "KubeScheduler") {
			t.Errorf("%v: %v, want it to say %q", tc.args, err, tc.want)
		}
	}
}
