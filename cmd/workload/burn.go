// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"runtime"
	"sync"
	"time"
)

const roundsPerStep = 1 << 16

// spin does work that is the same however long it takes.
func spin(rounds int) {
	x := uint64(rounds) | 1
	for range rounds {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	// Else the compiler could leave the work out.
	runtime.KeepAlive(x)
}

// roundsOf is the work that takes so long on this CPU when nobody else wants it: the
// fastest of several tries, which nobody disturbed.
func roundsOf(duration time.Duration) int {
	if duration <= 0 {
		return 0
	}
	fastest := time.Hour
	for range 50 {
		begin := time.Now()
		spin(roundsPerStep)
		fastest = min(fastest, max(time.Since(begin), time.Nanosecond))
	}
	return int(float64(roundsPerStep) * float64(duration) / float64(fastest))
}

// burn keeps CPUs busy until it is told to end.
func burn(ctx context.Context, flags *flag.FlagSet, args []string) error {
	threads := flags.Int("threads", 1, "CPUs to keep busy")
	_ = flags.Parse(args)
	var group sync.WaitGroup
	for range *threads {
		group.Go(func() {
			for ctx.Err() == nil {
				spin(roundsPerStep)
			}
		})
	}
	group.Wait()
	return nil
}
