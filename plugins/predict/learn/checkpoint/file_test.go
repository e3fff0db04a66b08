// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package checkpoint

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func save(t *testing.T, path, state string, version uint32) {
	t.Helper()
	if err := Save(path, version, func(w io.Writer) error { _, err := io.WriteString(w, state); return err }); err != nil {
		t.Fatal(err)
	}
}

func load(path string, version uint32) (state string, err error) {
	err = Load(path, version, func(r io.Reader) error {
		data, err := io.ReadAll(r)
		state = string(data)
		return err
	})
	return state, err
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	if _, err := load(path, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, state := range []string{"first", "", "second"} {
		save(t, path, state, 1)
		if got, err := load(path, 1); got != state || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, state)
		}
	}
	if _, err := load(path, 2); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

// Whatever byte is lost or changed, nothing is read.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	save(t, path, "state", 1)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(damaged []byte) {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if state, err := load(path, 1); !errors.Is(err, ErrCorrupt) || state != "" {
			t.Errorf("read %q, %v from % x", state, err, damaged)
		}
	}
	for i := range whole {
		try(whole[:i])
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 1
		try(damaged)
	}
	try(append(whole, 0))
}

// When the disk is full, what was saved before stays, and nothing is left lying about.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	save(t, path, "before", 1)
	err := Save(path, 1, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return syscall.ENOSPC
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("saved on a full disk: %v", err)
	}
	if state, err := load(path, 1); state != "before" || err != nil {
		t.Errorf("got %q, %v", state, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left lying about: %v", files)
	}
	if err := Save(filepath.Join(dir, "nowhere", "checkpoint"), 1, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("saved in no folder: %v", err)
	}
}
