// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Stop asks the process to end and kills it when it has not after grace. It returns
// once the process is gone and says whether it had to be killed. A process that is
// already gone, or whose number now belongs to another one, is left alone.
func Stop(id Identity, grace time.Duration) (killed bool, err error) {
	if id.PID <= 0 {
		return false, nil
	}
	// A pidfd keeps naming the process it was opened for, so nothing can take its place
	// between the check and the signal.
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening process %d: %w", id.PID, err)
	}
	defer unix.Close(fd)
	if !id.Running() {
		return false, nil
	}
	if gone, err := signalAndWait(fd, unix.SIGTERM, grace); gone || err != nil {
		return false, err
	}
	gone, err := signalAndWait(fd, unix.SIGKILL, grace)
	if err == nil && !gone {
		err = fmt.Errorf("process %d does not end, not even by SIGKILL", id.PID)
	}
	return true, err
}

func signalAndWait(fd int, signal unix.Signal, grace time.Duration) (gone bool, err error) {
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil {
		if errors.Is(err, unix.ESRCH) {
			return true, nil
		}
		return false, fmt.Errorf("sending %s: %w", unix.SignalName(signal), err)
	}
	for deadline := time.Now().Add(grace); ; {
		left := max(time.Until(deadline), 0)
		// A pidfd becomes readable when its process ends.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false, fmt.Errorf("waiting for the process: %w", err)
		case n > 0:
			return true, nil
		case left == 0:
			return false, nil
		}
	}
}
