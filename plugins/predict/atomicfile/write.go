// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package atomicfile writes files that are whole or not there.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// abandoned is the age at which a file beside the path is nobody's any more.
const abandoned = time.Hour

// Prepare returns an error where Write could not even begin: no such folder, none that can be written to, or something at path
// that is no file. It removes what
// writers have left that were killed.
func Prepare(path string) error {
	file, err := create(path)
	if err != nil {
		return err
	}
	err = errors.Join(file.Close(), os.Remove(file.Name()))
	entries, listed := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		if info, gone := e.Info(); gone == nil && unfinished(e.Name(), path) && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(path), e.Name())))
		}
	}
	return errors.Join(err, listed)
}

// unfinished is whether a name is one that create gives: that of a copy which somebody made by hand is not.
func unfinished(name, path string) bool {
	number, ours := strings.CutPrefix(name, beside(path))
	return ours && number != "" && strings.Trim(number, "0123456789") == ""
}

// beside is what the names of unfinished files begin with.
func beside(path string) string { return "." + filepath.Base(path) + "-" }

func create(path string) (*os.File, error) {
	// A file may take a file's place, and must never take that of a device such as /dev/null.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is %w", path, ErrNotRegular)
	}
	return os.CreateTemp(filepath.Dir(path), beside(path)+"*")
}

// Write writes what encode writes to a file beside path, and puts it in path's place when it
// is on the disk. When anything fails, what was at path stays, and nothing is left beside it.
func Write(path string, encode func(io.Writer) error) (err error) {
	file, err := create(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = encode(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	// The name is on the disk when its folder is. A file system that cannot do that has done what it can.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}
