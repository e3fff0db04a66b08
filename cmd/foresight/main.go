// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command foresight is the user's command line. Installed as kubectl-foresight it is
// also `kubectl foresight`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/foresight/backtest"
	"github.com/foresight-scheduler/foresight/cmd/foresight/convertpolicy"
	"github.com/foresight-scheduler/foresight/cmd/foresight/explain"
	"github.com/foresight-scheduler/foresight/cmd/foresight/model"
	"github.com/foresight-scheduler/foresight/cmd/foresight/nodes"
	"github.com/foresight-scheduler/foresight/cmd/foresight/rebalance"
	"github.com/foresight-scheduler/foresight/cmd/foresight/record"
	"github.com/foresight-scheduler/foresight/cmd/foresight/replay"
	"github.com/foresight-scheduler/foresight/cmd/foresight/report"
	"github.com/foresight-scheduler/foresight/cmd/foresight/shadow"
	"github.com/foresight-scheduler/foresight/cmd/foresight/timeline"
	"github.com/foresight-scheduler/foresight/cmd/foresight/top"
	"github.com/foresight-scheduler/foresight/cmd/foresight/try"
	"github.com/foresight-scheduler/foresight/cmd/foresight/ui"
	"github.com/foresight-scheduler/foresight/cmd/foresight/workloads"
	"github.com/foresight-scheduler/foresight/cmd/internal/buildinfo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand(filepath.Base(os.Args[0])).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1)
	}
}

func newCommand(name string) *cobra.Command {
	cmd := &cobra.Command{
		Use:           name,
		Short:         "See what the Foresight scheduler decides, and why",
		Version:       buildinfo.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	if plugin, ok := strings.CutPrefix(name, "kubectl-"); ok {
		// kubectl runs plugins under their own name; help should show what was typed.
		cmd.Use = plugin
		cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl " + plugin}
	}
	cmd.AddCommand(try.NewCommand(), explain.NewCommand(), nodes.NewCommand(), workloads.NewCommand(), rebalance.NewCommand(), shadow.NewCommand(), report.NewCommand(), ui.NewCommand(), timeline.NewCommand(), top.NewCommand(), record.NewCommand(), backtest.NewCommand(), replay.NewCommand(), model.NewCommand(), convertpolicy.NewCommand())
	return cmd
}
