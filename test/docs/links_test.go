// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs holds the documentation's links to what there is.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// pages are the texts of all Markdown files of the repository, by path, without their code blocks.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && strings.HasPrefix(name, ".") && name != ".github" {
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() && filepath.Ext(path) == ".md" {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			texts[filepath.Clean(path)] = fence.ReplaceAllString(string(text), "")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// anchors are the names by which a page's headings are linked to, as GitHub makes them.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		names[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return names
}

// Every link within the repository leads to a file that is there, and to a heading that the page has.
func TestLinks(t *testing.T) {
	texts := pages(t)
	for page, text := range texts {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads to no file", page, m[1])
			} else if anchor != "" && filepath.Ext(target) == ".md" && !anchors(texts[target])[anchor] {
				t.Errorf("%s: %s leads to no heading", page, m[1])
			}
		}
	}
}

// A reader comes from the README to every page of docs, link by link.
func TestPagesAreFound(t *testing.T) {
	texts := pages(t)
	found := map[string]bool{}
	next := []string{filepath.Join(root, "README.md")}
	for len(next) > 0 {
		page := next[0]
		next = next[1:]
		if found[page] {
			continue
		}
		found[page] = true
		for _, m := range link.FindAllStringSubmatch(texts[page], -1) {
			path, _, _ := strings.Cut(m[1], "#")
			if filepath.Ext(path) == ".md" && !strings.Contains(path, "://") {
				next = append(next, filepath.Join(filepath.Dir(page), path))
			}
		}
	}
	for page := range texts {
		if strings.HasPrefix(page, filepath.Join(root, "docs")+"/") && !found[page] {
			t.Errorf("no link leads to %s", page)
		}
	}
}
