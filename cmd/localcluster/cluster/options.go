// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/addons"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Options is what a user can ask of a new cluster.
type Options struct {
	Dir   string
	Nodes int
	// Real asks for real nodes in place of simulated ones.
	Real bool
	// NodeMemory is what a real node has, in bytes; 0 divides half of the machine's.
	NodeMemory int64
	// WorkloadBinary is the static binary in the image that real nodes have.
	WorkloadBinary string
	// Yes agrees to the installation of packages that real nodes need.
	Yes             bool
	Without         []string
	SchedulerBinary string
	// SchedulerImage is an OCI archive: real nodes import it, and the scheduler is the manifests' pods in place of a process.
	SchedulerImage string
	// APIServerBinary is another kube-apiserver than the one that is built in, or empty.
	APIServerBinary string
	Manifests       string
	// APIServerPort is chosen by the kernel when 0.
	APIServerPort int
	// UsageInterval is how often metrics-server asks the nodes.
	UsageInterval time.Duration
	// AuditPolicy is a file; without one nothing is audited.
	AuditPolicy string
	// Timeout bounds the whole start.
	Timeout time.Duration
}

func (o *Options) validate() error {
	if o.Nodes < 0 || o.Nodes > 5000 {
		return fmt.Errorf("--nodes is %d, not between 0 and 5000", o.Nodes)
	}
	if o.Real {
		if err := o.validateReal(); err != nil {
			return err
		}
	}
	if o.SchedulerImage != "" && !o.Real {
		return errors.New("--scheduler-image needs --real: simulated nodes run no images")
	}
	if o.UsageInterval < 10*time.Second {
		return fmt.Errorf("--usage-interval is %s, and metrics-server takes no less than 10s", o.UsageInterval)
	}
	if err := state.CheckWithout(o.Without); err != nil {
		return err
	}
	if o.AuditPolicy != "" {
		if _, err := os.Stat(o.AuditPolicy); err != nil {
			return fmt.Errorf("--audit-policy: %w", err)
		}
	}
	if o.APIServerBinary != "" {
		if _, err := os.Stat(o.APIServerBinary); err != nil {
			return fmt.Errorf("--kube-apiserver-binary: %w", err)
		}
	}
	if o.APIServerPort != 0 {
		if err := process.CheckPort(o.APIServerPort); err != nil {
			return fmt.Errorf("--apiserver-port: %w; name another one, or leave the flag out for a free one", err)
		}
	}
	if !slices.Contains(o.Without, state.Foresight) {
		return addons.CheckForesight(o.SchedulerBinary, o.SchedulerImage, o.Manifests)
	}
	return nil
}

func (o *Options) validateReal() error {
	if o.Nodes < 1 || o.Nodes > realnode.MaxNodes {
		return fmt.Errorf("--nodes is %d, and real ones can be 1 to %d", o.Nodes, realnode.MaxNodes)
	}
	const least = 256 << 20
	if o.NodeMemory != 0 && o.NodeMemory < least {
		return fmt.Errorf("--node-memory is %d bytes, and a node needs %d", o.NodeMemory, least)
	}
	if _, err := os.Stat(o.WorkloadBinary); err != nil {
		return fmt.Errorf("no binary for the nodes' image at %s: run `make build`, or name another one with --workload-binary", o.WorkloadBinary)
	}
	return realnode.CheckMachine()
}
