// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bounded reads what others wrote, at a cost that its length bounds: answers as streams, lists element by element,
// and files only where they are files.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// ErrTooLarge is the error of what is longer, or holds more, than is read.
var ErrTooLarge = errors.New("the answer is too large")

// Reader returns a reader of r that fails with ErrTooLarge when it was to read more than max bytes. An io.LimitReader ends, and
// so would make a cut answer of a long one.
func Reader(r io.Reader, max int64) io.Reader { return &reader{next: r, left: max, max: max} }

type reader struct {
	next      io.Reader
	left, max int64
}

func (b *reader) Read(p []byte) (int, error) {
	// One byte more than is left tells an answer of exactly max from a longer one.
	if b.left >= 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := 0, error(nil)
	if b.left >= 0 {
		n, err = b.next.Read(p)
		b.left -= int64(n)
	}
	if b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.max)
	}
	return n, err
}

// Open opens a file of at most max bytes. A folder, a pipe or a device is an error at once: one that is opened and read like a
// file can keep its reader for ever.
func Open(path string, max int64) (*os.File, error) {
	// Without O_NONBLOCK the opening of a pipe waits for somebody who writes.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is no regular file", path)
	case info.Size() > max:
		err = fmt.Errorf("%s: %d bytes, and at most %d are read", path, info.Size(), max)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// ReadFile returns what is in a file that Open opens.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := Open(path, max)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(Reader(f, max)) // It may grow while it is read.
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
