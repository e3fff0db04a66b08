// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ownfile keeps commands from overwriting files that they did not write.
package ownfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// markWithin is how many bytes of a file are searched for its mark.
const markWithin = 4096

// Check returns an error unless writing to path loses nothing but an older output of the same command, which has the mark
// within its first 4 KiB. Nothing at path, an empty file, a pipe and a device are fine as well. It changes nothing.
func Check(path, mark string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	begin, err := io.ReadAll(io.LimitReader(file, markWithin))
	if err != nil {
		return err
	}
	if !bytes.Contains(begin, []byte(mark)) {
		return fmt.Errorf("%s exists and was not written by this command: name another file, or remove it first", path)
	}
	return nil
}

// CheckWritable is Check that also tries whether the file can be written, so that a command fails before it works for minutes. The
// file is as it was afterwards.
func CheckWritable(path, mark string) error {
	if err := Check(path, mark); err != nil {
		return err
	}
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil || missing == nil {
		return err
	}
	return os.Remove(path)
}
