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

var (
	// ErrVersion is the error of a file of a version that is not known.
	ErrVersion = errors.New("the checkpoint is of another version")
	// ErrCorrupt is the error of a file that is not whole.
	ErrCorrupt = errors.New("the checkpoint is damaged")
)

// Save replaces the file at path by one with what encode writes, whole or not at all; see atomicfile.Write.
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
		return buffered.Flush()
	})
}

// Load lets decode read the state in the file at path, once the checksum has shown it to be whole; decode must know the
// version. It returns os.ErrNotExist where there is no file, ErrCorrupt, ErrVersion, or decode's error.
func Load(path string, version uint32, decode func(io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := check(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	header := make([]byte, headerLen)
	if _, err := file.ReadAt(header, 0); err != nil {
		return err
	}
	if v := binary.LittleEndian.Uint32(header[len(magic):]); v != version {
		return fmt.Errorf("%s: %w: %d, this binary reads %d", path, ErrVersion, v, version)
	}
	state := io.NewSectionReader(file, int64(headerLen), size)
	if err := decode(bufio.NewReaderSize(state, 1<<20)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// check returns how long the state is.
func check(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size() - int64(headerLen) - sha256.Size
	if size < 0 {
		return 0, fmt.Errorf("%w: it has %d bytes", ErrCorrupt, info.Size())
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, file, info.Size()-sha256.Size); err != nil {
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
