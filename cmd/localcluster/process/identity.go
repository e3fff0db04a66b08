// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package process starts programs that outlive their parent and later finds and stops
// exactly those, never another process that was given the same number.
package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Identity names one process for as long as the machine is up. The number alone does
// not: the kernel hands it out again. The number and the start time do.
type Identity struct {
	PID int `json:"pid"`
	// StartTime is field 22 of /proc/PID/stat, in clock ticks since boot.
	StartTime uint64 `json:"startTime"`
}

// Of returns the identity of a running process.
func Of(pid int) (Identity, error) {
	startTime, running, err := stat(pid)
	if err != nil {
		return Identity{}, err
	}
	if !running {
		return Identity{}, os.ErrProcessDone
	}
	return Identity{PID: pid, StartTime: startTime}, nil
}

// Running tells whether the process is still there.
func (id Identity) Running() bool {
	if id.PID <= 0 {
		return false
	}
	startTime, running, err := stat(id.PID)
	return err == nil && running && startTime == id.StartTime
}

// stat reads the start time of a process; a zombie does not run any more, it only
// waits for a parent to notice.
func stat(pid int) (startTime uint64, running bool, err error) {
	file := filepath.Join("/proc", strconv.Itoa(pid), "stat")
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false, err
	}
	// The second field is the program's name in parentheses and may hold anything, so
	// fields are counted from the last one.
	_, rest, ok := strings.Cut(string(data[max(0, bytes.LastIndexByte(data, ')')):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, false, fmt.Errorf("%s is not understood: %q", file, data)
	}
	startTime, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("%s is not understood: %w", file, err)
	}
	return startTime, fields[0] != "Z" && fields[0] != "X", nil
}

// WithEnv returns the processes of this user whose environment holds the variable
// with the value. It finds what was started but could not be recorded.
func WithEnv(variable, value string) ([]Identity, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for processes: %w", err)
	}
	want := []byte(variable + "=" + value)
	var found []Identity
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// The identity comes first: a process that ends and is replaced in between is
		// then not mistaken for its successor.
		id, err := Of(pid)
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		for _, pair := range bytes.Split(environ, []byte{0}) {
			if bytes.Equal(pair, want) {
				found = append(found, id)
				break
			}
		}
	}
	return found, nil
}
