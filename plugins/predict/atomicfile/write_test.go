// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func contents(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// On a disk that is full the old file stays as it was, and nothing is left beside it that would keep the disk full.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting a small disk takes root: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "history")
	old := bytes.Repeat([]byte("old"), 1000)
	if err := Write(path, contents(old)); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("new"), 100_000)
	if err := Write(path, contents(large)); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("want an error that says the disk is full, got %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, old) {
		t.Errorf("the old file is not as it was: %d bytes, %v", len(got), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside it is left: %v, %v", entries, err)
	}
	if err := Write(path, contents([]byte("small"))); err != nil {
		t.Errorf("what fits is not written: %v", err)
	}
}

// An encoder that fails half way leaves the old file.
func TestFailedEncoder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	if err := Write(path, contents([]byte("old"))); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no more")
	err := Write(path, func(w io.Writer) error { return errors.Join(contents([]byte("half"))(w), failure) })
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want what the encoder said", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("got %q, %v", got, err)
	}
}

// What a killed writer left is removed, but not what another one may be at; a folder that cannot be written to is told.
func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "history")
	for name, age := range map[string]time.Duration{"history": 48 * time.Hour, ".history-1": 48 * time.Hour, ".history-2": time.Minute, ".other-1": 48 * time.Hour, ".history-of-mine": 48 * time.Hour} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := Prepare(path); err != nil {
		t.Error(err)
	}
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{".history-2", ".history-of-mine", ".other-1", "history"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
	if err := Prepare(filepath.Join(dir, "nowhere", "history")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// A device or a folder is never replaced by a file.
func TestWriteReplacesFilesOnly(t *testing.T) {
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, t.TempDir()} {
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := Prepare(path); err == nil {
			t.Errorf("%s: Prepare has no error", path)
		}
		if err := Write(path, contents([]byte("x"))); err == nil {
			t.Errorf("%s: Write has no error", path)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s: it was %s and is %v, %v", path, before.Mode(), after, err)
		}
	}
}
