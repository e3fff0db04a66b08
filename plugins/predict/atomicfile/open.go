// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

var (
	// ErrNotRegular is the error of what is no regular file: a folder, a pipe, a device.
	ErrNotRegular = errors.New("no regular file")
	// ErrTooLarge is the error of a file of more bytes than are read.
	ErrTooLarge = errors.New("too large")
)

// Open opens a regular file of at most so many bytes for reading, and returns its size. It never waits, as opening a pipe would
// until somebody writes to it.
func Open(path string, most int64) (*os.File, int64, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is %w", path, ErrNotRegular)
	case info.Size() > most:
		err = fmt.Errorf("%s is %w: %d bytes, of which at most %d are read", path, ErrTooLarge, info.Size(), most)
	default:
		return file, info.Size(), nil
	}
	return nil, 0, errors.Join(err, file.Close())
}

// Read returns what a regular file of at most so many bytes holds.
func Read(path string, most int64) ([]byte, error) {
	file, size, err := Open(path, most)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
