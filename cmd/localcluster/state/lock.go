// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Lock makes sure that one command at a time changes a cluster. The kernel lets go of
// it when the holder dies, however it dies. The file also marks the directory as ours,
// which is what makes removing it safe.
func (l Layout) Lock(create bool) (unlock func(), err error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	for {
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
				return func() { file.Close() }, nil
			}
		}
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("locking: %w", err)
		}
	}
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
	unlock, err = l.Lock(true)
	return l, unlock, err
}
