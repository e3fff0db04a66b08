// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// CopyLog writes a component's log to out, and what is added to it until ctx ends when
// follow is set.
func CopyLog(ctx context.Context, layout state.Layout, name string, follow bool, out io.Writer) error {
	saved, err := layout.Load()
	if err != nil {
		return err
	}
	c, err := saved.Component(name)
	if err != nil {
		return err
	}
	file, err := os.Open(c.Log)
	if err != nil {
		return fmt.Errorf("reading log: %w", err)
	}
	defer file.Close()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.Copy(out, file); err != nil {
			return fmt.Errorf("copying log: %w", err)
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil
			}
			return ctx.Err()
		case <-tick.C:
		}
	}
}
