// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a Kubernetes control plane with simulated or real nodes on one machine.
package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/supervise"
)

// Down stops a cluster, whatever is left of it, and removes its directory.
func Down(dir string, out io.Writer) error {
	layout, err := state.NewLayout(dir)
	if err != nil {
		return err
	}
	begin := time.Now()
	unlock, err := layout.Lock()
	if errors.Is(err, state.ErrNoCluster) {
		// Somebody may have removed the directory under a running cluster.
		stopped, err := supervise.StopUnrecorded(layout)
		err = errors.Join(err, isolate.RemoveCgroups(realnode.CgroupPrefix(layout)))
		if err == nil && stopped > 0 {
			fmt.Fprintf(out, "Stopped %d processes of a cluster whose directory %s is gone\n", stopped, layout.Dir)
		} else if err == nil {
			fmt.Fprintf(out, "No cluster in %s\n", layout.Dir)
		}
		return err
	}
	if err != nil {
		return err
	}
	defer unlock()
	saved, err := layout.Load()
	if err != nil {
		if !errors.Is(err, state.ErrNoCluster) {
			fmt.Fprintln(out, err)
		}
		// The processes are found without it.
		saved = &state.State{}
	}
	if err := supervise.NewRecord(layout, saved).StopAll(); err != nil {
		return err
	}
	if err := os.RemoveAll(layout.Dir); err != nil {
		return fmt.Errorf("removing the state directory: %w", err)
	}
	fmt.Fprintf(out, "Stopped the cluster in %s in %.1fs\n", layout.Dir, time.Since(begin).Seconds())
	return nil
}
