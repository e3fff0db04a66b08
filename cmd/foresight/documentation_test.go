// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
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
