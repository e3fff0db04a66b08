// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every reason and result is explained in the reference.
func TestReasonsAreExplained(t *testing.T) {
	reference, err := os.ReadFile("../../../docs/reference/plugins/rebalance.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, of := range map[string]string{"nodes.go": `(?m)rebalance\.Reason = "([a-z-]+)"`, "packing.go": `(?m)^\t[A-Z]\w+ += "([a-z-]+)"$`} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(of).FindAllStringSubmatch(string(text), -1)
		if len(found) < 5 {
			t.Errorf("%s has %d", file, len(found))
		}
		for _, word := range found {
			if !strings.Contains(string(reference), "`"+word[1]+"`") {
				t.Errorf("the reference does not explain %s", word[1])
			}
		}
	}
}
