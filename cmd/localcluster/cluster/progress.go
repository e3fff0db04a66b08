// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress prints one line per step.
type progress struct {
	mu  sync.Mutex
	out io.Writer
}

// step starts the clock of a step; the returned function stops it.
func (p *progress) step(name, done string) func() {
	begin := time.Now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(p.out, "%-24s %-8s %5.1fs\n", name, done, time.Since(begin).Seconds())
	}
}
