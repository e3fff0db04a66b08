// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package browsertest opens pages in a headless Chromium, for tests.
package browsertest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// View of a page.
type View struct {
	Address string
	// Width and Height of the window, in pixels.
	Width, Height int
	// Screenshot is a file to write a picture to; empty writes none.
	Screenshot string
	// Dark asks for the dark colours.
	Dark bool
}

// Chromium returns the program, and skips the test where there is none.
func Chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Chromium here: install the package chromium to have the page tested")
	return ""
}

// Open opens the view, lets the page work for four seconds of its own time, and returns its document.
func Open(t *testing.T, chromium string, v View) string {
	t.Helper()
	args := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
		"--user-data-dir=" + filepath.Join(t.TempDir(), "profile"), "--virtual-time-budget=4000",
		fmt.Sprintf("--window-size=%d,%d", v.Width, v.Height), "--dump-dom",
	}
	if v.Screenshot != "" {
		args = append(args, "--screenshot="+v.Screenshot)
	}
	if v.Dark {
		args = append(args, "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
	}
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), chromium, append(args, v.Address)...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", chromium, err, said.String())
	}
	return string(out)
}
