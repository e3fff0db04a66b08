// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Every flag of ours is in docs/use/commands.md; kubectl's connection flags are kubectl's.
func TestFlagsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/use/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	kubectl := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	genericclioptions.NewConfigFlags(true).AddFlags(kubectl)
	for _, cmd := range newCommand("foresight").Commands() {
		if !strings.Contains(string(page), "`foresight "+cmd.Name()) {
			t.Errorf("foresight %s is not in docs/use/commands.md", cmd.Name())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			long, short := "--"+f.Name, "-"+f.Shorthand+" "
			if kubectl.Lookup(f.Name) == nil && !strings.Contains(string(page), long) && (f.Shorthand == "" || !strings.Contains(string(page), short)) {
				t.Errorf("%s of foresight %s is not in docs/use/commands.md", long, cmd.Name())
			}
		})
	}
}

// Every folder with a command is one of the root command's.
func TestEveryCommandIsReached(t *testing.T) {
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc NewCommand(") {
			folders[filepath.Dir(file)] = true
		}
	}
	for _, cmd := range newCommand("foresight").Commands() {
		delete(folders, strings.ReplaceAll(cmd.Name(), "-", ""))
	}
	if len(folders) > 0 {
		t.Errorf("no command of foresight is made by %v: add them in main.go", slices.Sorted(maps.Keys(folders)))
	}
}

// A command that was renamed answers to its old name.
func TestOldNames(t *testing.T) {
	for old, name := range map[string]string{"trace": "timeline"} {
		if cmd, _, err := newCommand("foresight").Find([]string{old, "web-0"}); err != nil || cmd.Name() != name {
			t.Errorf("foresight %s is %s, %v", old, cmd.Name(), err)
		}
	}
}
