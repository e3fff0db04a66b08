// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/addons"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Options is what a user can ask of a new cluster.
type Options struct {
	Dir             string
	Nodes           int
	Without         []string
	SchedulerBinary string
	Manifests       string
	// APIServerPort is chosen by the kernel when 0.
	APIServerPort int
	// UsageInterval is how often metrics-server asks the nodes.
	UsageInterval time.Duration
	// Timeout bounds the whole start.
	Timeout time.Duration
}

func (o *Options) validate() error {
	if o.Nodes < 0 || o.Nodes > 5000 {
		return fmt.Errorf("--nodes is %d, not between 0 and 5000", o.Nodes)
	}
	if o.UsageInterval < 10*time.Second {
		return fmt.Errorf("--usage-interval is %s, and metrics-server takes no less than 10s", o.UsageInterval)
	}
	if err := state.CheckWithout(o.Without); err != nil {
		return err
	}
	if o.APIServerPort != 0 {
		if err := process.CheckPort(o.APIServerPort); err != nil {
			return fmt.Errorf("--apiserver-port: %w; name another one, or leave the flag out for a free one", err)
		}
	}
	if !slices.Contains(o.Without, state.Foresight) {
		return addons.CheckForesight(o.SchedulerBinary, o.Manifests)
	}
	return nil
}
