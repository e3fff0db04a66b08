// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"time"

	"golang.org/x/sys/unix"
)

// instant is read from two clocks, neither of which is Go's own: that one stands still
// while a machine sleeps.
type instant struct {
	// boot counts a machine's sleep, but not the time that a virtual machine was saved to
	// disk, or was moved.
	boot time.Duration
	// wall counts that too, once the guest's clock is set right.
	wall time.Duration
}

func now() instant {
	return instant{boot: read(unix.CLOCK_BOOTTIME), wall: read(unix.CLOCK_REALTIME)}
}

func read(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(err) // Linux has both since 2.6.39, and the call has no other error.
	}
	return time.Duration(t.Nano())
}

// since is the longer of the times that have passed by the two clocks. A wall clock that is
// set forward only closes the fence until the next renewal.
func (t instant) since(earlier instant) time.Duration {
	return max(t.boot-earlier.boot, t.wall-earlier.wall)
}
