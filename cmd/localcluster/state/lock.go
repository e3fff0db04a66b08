// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// marker is what the lock file holds. It marks the directory as a cluster's, which is what makes removing it safe. The name
// of the file alone says nothing: many programs have lock files.
const marker = "localcluster keeps a cluster here; `localcluster down` removes this directory\n"

// ErrNotOurs says that a directory is somebody else's.
var ErrNotOurs = errors.New("is not a cluster's")

// Lock makes sure that one command at a time changes a cluster. The kernel lets go of
// it when the holder dies, however it dies. It returns ErrNoCluster where there is no lock file, and ErrNotOurs where there is
// one that localcluster did not write.
func (l Layout) Lock() (unlock func(), err error) { return l.lock(false) }

func (l Layout) lock(create bool) (unlock func(), err error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	for {
		if err := l.provenOurs(); err != nil {
			return nil, err
		}
		file, err := os.OpenFile(l.lockFile(), flags, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", ErrNoCluster, l.Dir)
		}
		if err != nil {
			return nil, fmt.Errorf("locking: %w", err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("another localcluster command is at work in %s", l.Dir)
			}
			return nil, fmt.Errorf("locking %s: %w", l.lockFile(), err)
		}
		// A `down` may have removed the file between opening and locking it.
		held, err := file.Stat()
		if err == nil {
			if now, statErr := os.Stat(l.lockFile()); statErr == nil && os.SameFile(held, now) {
				if _, err := file.WriteAt([]byte(marker), 0); err != nil {
					file.Close()
					return nil, fmt.Errorf("marking the state directory: %w", err)
				}
				return func() { file.Close() }, nil
			}
		}
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("locking: %w", err)
		}
	}
}

// provenOurs returns ErrNotOurs unless the lock file is missing, holds the marker, or is as a command left it that died
// before it had written the marker: with a part of it and alone in the directory.
func (l Layout) provenOurs() error {
	info, err := os.Lstat(l.lockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	foreign := fmt.Errorf("%s %w: localcluster did not write the file lock in it; name another --dir", l.Dir, ErrNotOurs)
	if !info.Mode().IsRegular() || info.Size() > int64(len(marker)) {
		return foreign
	}
	data, err := os.ReadFile(l.lockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	if string(data) == marker {
		return nil
	}
	entries, err := os.ReadDir(l.Dir)
	if err != nil {
		return fmt.Errorf("reading the state directory: %w", err)
	}
	if len(entries) > 1 || !strings.HasPrefix(marker, string(data)) {
		return foreign
	}
	return nil
}

// Claim makes the state directory and locks it. A directory with other things in it is
// not taken, for `down` would remove them.
func Claim(dir string) (l Layout, unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Layout{}, nil, fmt.Errorf("making the state directory: %w", err)
	}
	// Only what exists can be resolved.
	if l, err = NewLayout(dir); err != nil {
		return Layout{}, nil, err
	}
	if _, err := os.Stat(l.lockFile()); errors.Is(err, fs.ErrNotExist) {
		entries, err := os.ReadDir(l.Dir)
		if err != nil {
			return Layout{}, nil, fmt.Errorf("reading the state directory: %w", err)
		}
		if len(entries) > 0 {
			return Layout{}, nil, fmt.Errorf("%s is not empty and not a cluster's: name another --dir", l.Dir)
		}
	}
	unlock, err = l.lock(true)
	return l, unlock, err
}

// Unclaim removes what Claim made. The caller holds the lock and has put nothing into the directory; should somebody else
// have, that stays.
func (l Layout) Unclaim() error {
	if err := os.Remove(l.lockFile()); err != nil {
		return err
	}
	if err := os.Remove(l.Dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}
