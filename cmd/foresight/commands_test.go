// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// documentedLines are the command lines of all pages, with continued ones joined and comments cut off.
func documentedLines(t *testing.T) (lines []string) {
	t.Helper()
	pages := []string{"../../README.md", "../../CONTRIBUTING.md"}
	for _, pattern := range []string{"../../docs/*/*.md", "../../docs/*/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
				line, _, _ = strings.Cut(line, " #")
				if line = strings.TrimSpace(line); line != "" {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}

// Every command of ours that a page shows is one that there is, with flags that it has and as many arguments as it takes; every target of
// make is in the Makefile.
func TestDocumentedCommandsParse(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	ours, targets := 0, 0
	for _, line := range documentedLines(t) {
		words := strings.Fields(line)
		switch strings.TrimPrefix(words[0], "bin/") {
		case "foresight":
			ours++
			cmd, args, err := newCommand("foresight").Find(words[1:])
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if err := cmd.ParseFlags(args); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		case "make":
			for _, target := range words[1:] {
				if strings.Contains(target, "=") {
					continue
				}
				if targets++; !strings.Contains(string(makefile), "\n"+target+":") {
					t.Errorf("%s: there is no target %s", line, target)
				}
			}
		}
	}
	if ours < 10 || targets < 5 {
		t.Errorf("%d commands of ours and %d targets are shown", ours, targets)
	}
}
