// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MemoryFile returns an open file that holds the data in memory, on no disk. Its name is its path.
// app.Setup takes a configuration only as a file, and the root file system of a pod is read-only.
func MemoryFile(data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("foresight-scheduler-config", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), fmt.Sprintf("/proc/self/fd/%d", fd))
	if _, err := file.Write(data); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
