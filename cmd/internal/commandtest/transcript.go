// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package commandtest

import (
	"os"
	"strings"
	"testing"
)

// Transcript fails the test where a page of the docs does not show that the command prints this.
func Transcript(t *testing.T, page, command, prints string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "$ "+command+"\n"+prints+"```") {
		t.Errorf("%s does not show\n$ %s\n%s", page, command, prints)
	}
}
