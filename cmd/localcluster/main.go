// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command localcluster runs a complete Kubernetes control plane with simulated nodes
// and the Foresight scheduler on this machine: no containers, no downloads, no root.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/argv"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/components"
)

func main() {
	// Upstream's programs own their process: they must not see our flags or signals.
	if len(os.Args) > 2 && os.Args[1] == argv.Subcommand {
		os.Exit(components.Run(os.Args[2], os.Args[3:]))
	}
	// The linked programs have registered flags of theirs, --version among them, and cobra
	// would make them ours.
	pflag.CommandLine = pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newCommand().ExecuteContext(ctx)
	if err == nil {
		return
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(os.Stderr, "Error:", err)
	}
	os.Exit(1)
}
