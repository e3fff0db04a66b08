// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package checkpoint keeps state in a file that is whole or not there: a magic number, a version, the state, and a
// checksum of all of it.
package checkpoint

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
)

const magic = "foresight checkpoint\n"

const headerLen = len(magic) + 4

// most bytes of a checkpoint that are read: ten times what the largest cluster that is planned for needs.
const most = 2 << 30

var (
	// ErrVersion is the error of a file of a version that is not known.
	ErrVersion = errors.New("the checkpoint is of another version")
	// ErrCorrupt is the error of a file that is not whole.
	ErrCorrupt = errors.New("the checkpoint is damaged")
)

// previous is the name of the checkpoint before the one at path.
func previous(path string) string { return path + ".previous" }

// Save replaces the file at path by one with what encode writes, whole or not at all; see atomicfile.Write. The one before it is
// kept under another name.
func Save(path string, version uint32, encode func(io.Writer) error) error {
	return atomicfile.Write(path, func(file io.Writer) error {
		buffered := bufio.NewWriterSize(file, 1<<20)
		sum := sha256.New()
		w := io.MultiWriter(buffered, sum)
		if _, err := w.Write(binary.LittleEndian.AppendUint32([]byte(magic), version)); err != nil {
			return err
		}
		if err := encode(w); err != nil {
			return err
		}
		if _, err := buffered.Write(sum.Sum(nil)); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
		// A second name for the one before, until the next Save. Where the file system knows no such, there is none.
		_ = os.Remove(previous(path))
		_ = os.Link(path, previous(path))
		return nil
	})
}

// SetAside renames a file that Load returned ErrVersion or ErrCorrupt for, so that no Save takes its place. The name
// says why, and is returned.
func SetAside(path string, why error) (string, error) {
	to := path + ".damaged"
	if v := (versionError{}); errors.As(why, &v) {
		to = asideOf(path, v.is)
	}
	return to, os.Rename(path, to)
}

func asideOf(path string, version uint32) string { return fmt.Sprintf("%s.version-%d", path, version) }

// Others are the files that Load may be tried with when the one at path was set aside, the newest first: the one before it, and
// one that a binary of another version set aside.
func Others(path string, version uint32) []string {
	return []string{previous(path), asideOf(path, version)}
}

// versionError is ErrVersion.
type versionError struct{ is, want uint32 }

func (e versionError) Error() string {
	return fmt.Sprintf("%v: %d, this binary reads %d", ErrVersion, e.is, e.want)
}
func (e versionError) Unwrap() error { return ErrVersion }

// Load lets decode read the state in the file at path, once the checksum has shown it to be whole; decode must know the
// version. It returns os.ErrNotExist where there is no file, an error of atomicfile.Open, ErrVersion, or ErrCorrupt, also for what
// decode returns an error for.
func Load(path string, version uint32, decode func(io.Reader) error) error {
	file, length, err := atomicfile.Open(path, most)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := check(file, length)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	header := make([]byte, headerLen)
	if _, err := file.ReadAt(header, 0); err != nil {
		return err
	}
	if v := binary.LittleEndian.Uint32(header[len(magic):]); v != version {
		return fmt.Errorf("%s: %w", path, versionError{v, version})
	}
	state := io.NewSectionReader(file, int64(headerLen), size)
	if err := decode(bufio.NewReaderSize(state, 1<<20)); err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrCorrupt, err)
	}
	return nil
}

// check returns how long the state is in a file of that length.
func check(file *os.File, length int64) (int64, error) {
	size := length - int64(headerLen) - sha256.Size
	if size < 0 {
		return 0, fmt.Errorf("%w: it has %d bytes", ErrCorrupt, length)
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, file, length-sha256.Size); err != nil {
		return 0, err
	}
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(file, want); err != nil {
		return 0, err
	}
	start := make([]byte, len(magic))
	if _, err := file.ReadAt(start, 0); err != nil {
		return 0, err
	}
	if string(start) != magic {
		return 0, fmt.Errorf("%w: it does not begin as one", ErrCorrupt)
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return 0, fmt.Errorf("%w: the checksum is wrong", ErrCorrupt)
	}
	return size, nil
}
