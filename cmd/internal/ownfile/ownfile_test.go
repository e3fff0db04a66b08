// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ownfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := func(name, content string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	link := filepath.Join(dir, "link")
	if err := errors.Join(os.Symlink(path("linked", "a thesis"), link)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path string
		fine bool
	}{
		{filepath.Join(dir, "missing"), true},
		{path("empty", ""), true},
		{path("ours", "<title>MARK 7</title>"), true},
		{os.DevNull, true},
		{path("foreign", "a thesis"), false},
		{path("late", strings.Repeat("x", markWithin)+"MARK"), false},
		{link, false},
		{dir, false},
	} {
		err := Check(tc.path, "MARK")
		if (err == nil) != tc.fine {
			t.Errorf("%s: %v", tc.path, err)
		}
		if err != nil && !strings.Contains(err.Error(), tc.path) {
			t.Errorf("%s: the error names another file: %v", tc.path, err)
		}
	}
}
