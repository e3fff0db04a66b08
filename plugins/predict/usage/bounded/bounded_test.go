// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package bounded

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is as long as may be is read whole, and a byte more is an error, however often one asks.
func TestReader(t *testing.T) {
	if got, err := io.ReadAll(Reader(strings.NewReader("12345"), 5)); string(got) != "12345" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	r := Reader(strings.NewReader("12345678"), 5)
	for range 3 {
		if _, err := io.ReadAll(r); !errors.Is(err, ErrTooLarge) {
			t.Errorf("error %v", err)
		}
	}
}

// Only files are read: a pipe that nobody writes to, a folder and a device are errors at once, as is a file that is too long.
func TestOpenTakesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(file, []byte("12345"), 0o600), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(file, 5); string(got) != "12345" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for path, want := range map[string]string{
		pipe: "no regular file", dir: "no regular file", "/dev/zero": "no regular file", filepath.Join(dir, "none"): "no such file",
	} {
		if _, err := ReadFile(path, 5); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if _, err := ReadFile(file, 4); err == nil || !strings.Contains(err.Error(), "5 bytes, and at most 4") {
		t.Errorf("error %v", err)
	}
}
