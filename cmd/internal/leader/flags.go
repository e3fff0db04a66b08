// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
)

// Flags are of every command that asks the leader: which cluster and which leader, and how the answer is printed.
type Flags struct {
	Config *genericclioptions.ConfigFlags
	Leader *Asker
	// Format has one of two flags, with -o wide or without, which the command adds.
	Format output.Format
}

// NewFlags are those of a command that asks the shipped scheduler.
func NewFlags() Flags {
	config := genericclioptions.NewConfigFlags(true)
	return Flags{Config: config, Leader: New(config)}
}

// NewFlagsFor are those of a command that asks the holder of another Lease, NAMESPACE/NAME.
func NewFlagsFor(lease string) Flags {
	config := genericclioptions.NewConfigFlags(true)
	return Flags{Config: config, Leader: NewFor(config, lease)}
}

// Add adds the flags that say which cluster and which leader.
func (f *Flags) Add(cmd *cobra.Command) {
	f.Config.AddFlags(cmd.Flags())
	f.Leader.AddFlags(cmd)
}
