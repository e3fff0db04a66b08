// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// StopAll ends every process of a cluster: its clients together, then the API server,
// then the store, so that nobody fills a log with complaints about the others. What is
// left in the control groups of real nodes is killed.
func (r *Record) StopAll() error {
	var clients, rest []state.Component
	for _, c := range r.state.Components {
		if c.Name == state.Etcd || c.Name == state.APIServer || c.Name == state.Network {
			rest = append(rest, c)
		} else {
			clients = append(clients, c)
		}
	}
	var group errgroup.Group
	for _, c := range clients {
		group.Go(func() error {
			_, err := Stop(c)
			return err
		})
	}
	errs := []error{group.Wait()}
	for _, c := range slices.Backward(rest) {
		_, err := Stop(c)
		errs = append(errs, err)
	}
	_, err := StopUnrecorded(r.layout)
	errs = append(errs, err)
	// Also after a damaged record: without real nodes there are none.
	return errors.Join(append(errs, isolate.RemoveCgroups(realnode.CgroupPrefix(r.layout)))...)
}

// Stop ends one component's process and tells whether it had to be killed.
func Stop(c state.Component) (killed bool, err error) {
	if killed, err = process.Stop(c.Identity, grace); err != nil {
		return killed, fmt.Errorf("stopping %s: %w", c.Name, err)
	}
	return killed, nil
}

// StopUnrecorded ends what was started by a command that died before it could write
// down what.
func StopUnrecorded(l state.Layout) (int, error) {
	found, err := process.WithEnv(dirVariable, l.Dir)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, id := range found {
		_, err := process.Stop(id, grace)
		errs = append(errs, err)
	}
	return len(found), errors.Join(errs...)
}
