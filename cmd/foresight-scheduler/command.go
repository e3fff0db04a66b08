// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/component-base/term"
	"k8s.io/component-base/version/verflag"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/foresight-scheduler/foresight/cmd/internal/buildinfo"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/suite"
)

// newCommand is upstream's app.NewSchedulerCommand with our plugins, our defaults and
// our refusals. It is not a call of it because that one keeps the Scheduler to itself.
func newCommand() *cobra.Command {
	opts, old := options.NewOptions(), newOldFlags()
	cmd := &cobra.Command{
		Use:   "foresight-scheduler",
		Short: "A Kubernetes scheduler that looks ahead",
		Long: `The Foresight scheduler is upstream's kube-scheduler with Foresight's plugins. It
runs beside the default scheduler and places the pods that ask for it with
schedulerName: foresight-scheduler. All flags are kube-scheduler's; those of older
ones, from 1.10 on, are taken with a warning that says what became of them (see
docs/reference/flags.md). Without --config it uses the configuration it is shipped with (see
manifests/base/config.yaml), and keeps no checkpoint.`,
		Example: `  foresight-scheduler --kubeconfig ~/.kube/config
  foresight-scheduler --config config.yaml --v 2`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			// Feature gates must be set before anything asks for one.
			return opts.ComponentGlobalsRegistry.Set()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Lookup("version").Value.String() == "true" {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), cmd.Name(), buildinfo.String())
				return err
			}
			// --version=raw and the override --version=vX stay upstream's.
			verflag.PrintAndExitIfRequested()
			return run(server.SetupSignalContext(), cmd, opts, old)
		},
	}
	addFlags(cmd, opts)
	cmd.Flags().AddFlagSet(old.fs)
	cmd.SetFlagErrorFunc(explainFlag)
	return cmd
}

func run(ctx context.Context, cmd *cobra.Command, opts *options.Options, old *oldFlags) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	fg := opts.ComponentGlobalsRegistry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
	if err := logsapi.ValidateAndApply(opts.Logs, fg); err != nil {
		return err
	}
	if err := old.apply(cmd.Flags(), cmd.ErrOrStderr()); err != nil {
		return err
	}
	cliflag.PrintFlags(cmd.Flags())
	if err := checkWriteConfigTo(opts.WriteConfigTo); err != nil {
		return err
	}

	// 1. Teach the configuration our args, then read it.
	plugins.RegisterArgs()
	cfg, cleanup, err := prepareConfig(ctx, opts, old)
	defer cleanup()
	if err != nil {
		return err
	}
	if err := fitToServer(ctx, opts, cfg, fg); err != nil {
		return err
	}
	s, err := suite.New(ctx, opts, cfg)
	if err != nil {
		return err
	}
	decisions, err := newDecisions(cfg)
	if err != nil {
		return err
	}
	looks, err := newOnlooker(cfg, decisions)
	if err != nil {
		return err
	}
	moves, err := newRebalancer(cfg, s.Engine, decisions, looks)
	if err != nil {
		return err
	}
	// 2. Build the scheduler.
	opts.InformerName, err = cache.NewInformerName(cmd.Name())
	if err != nil {
		return err
	}
	// Upstream would write, log and show profiles without what it does not know; see profiles.Complete.
	writeTo := opts.WriteConfigTo
	opts.WriteConfigTo = ""
	completed, sched, err := app.Setup(ctx, opts, s.Plugins()...)
	if clientcmd.IsEmptyConfig(err) {
		return fmt.Errorf("no cluster to talk to: set clientConnection.kubeconfig in --config, or without --config give --kubeconfig, or run in a pod (%w)", err)
	}
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	fg.(featuregate.MutableFeatureGate).AddMetrics()
	opts.ComponentGlobalsRegistry.AddMetrics()
	buildinfo.RegisterMetric(legacyregistry.MustRegister)

	if err := s.Install(ctx, completed, sched, decisions.index()); err != nil {
		return err
	}
	if writeTo != "" {
		// It ends the process.
		return options.LogOrWriteConfig(klog.FromContext(ctx), writeTo, &completed.ComponentConfig, completed.ComponentConfig.Profiles)
	}
	looks.tellNobody(completed)
	announce(completed)
	installReadiness(ctx, completed)
	if err := installFence(ctx, completed); err != nil {
		return err
	}
	if err := boundWrites(completed); err != nil {
		return err
	}

	// 3. Run until the context ends or the lease is lost.
	decisions.listen(s.Engine, s.Claims)
	decisions.show(s.QoS)
	looks.listen(s.Engine, completed)
	moves.listen()
	if err := s.Start(ctx, completed); err != nil {
		return err
	}
	saved := make(chan struct{})
	context.AfterFunc(ctx, func() {
		s.Wait()
		close(saved)
	})
	// Upstream ends the process as soon as it has given the lease away. So it hears of the end when what was learned is saved.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	context.AfterFunc(ctx, func() {
		waitForSave(ctx, saved)
		stop()
	})
	pauseWithoutLease(running, sched, completed)
	if err := looks.placeNothing(running, sched, completed); err != nil {
		return err
	}
	if err := decisions.install(ctx, sched, completed, s.Engine, s.Claims); err != nil {
		return err
	}
	if err := looks.install(ctx, completed); err != nil {
		return err
	}
	if err := moves.install(ctx, sched, completed); err != nil {
		return err
	}
	if moves == nil && looks == nil {
		sweepMarks(ctx, completed)
	}
	// This is how upstream and the fence end the process when the lease is lost. The fence lets nothing be written meanwhile.
	klog.OsExit = func(code int) {
		end()
		waitForSave(ctx, saved)
		os.Exit(code)
	}
	if err := watchCaches(ctx, completed); err != nil {
		return err
	}
	return app.Run(running, completed, sched)
}

// farewell bounds how long the process takes to save what it learned; a kubelet gives a pod 30 s in all.
const farewell = 10 * time.Second

func waitForSave(ctx context.Context, saved <-chan struct{}) {
	select {
	case <-saved:
	case <-time.After(farewell):
		klog.FromContext(ctx).Error(nil, "What was learned since it was last saved may be lost: saving it takes too long")
	}
}

func addFlags(cmd *cobra.Command, opts *options.Options) {
	verflag.AddFlags(opts.Flags.FlagSet("global"))
	globalflag.AddGlobalFlags(opts.Flags.FlagSet("global"), cmd.Name(), logs.SkipLoggingConfigurationFlags())
	for _, fs := range opts.Flags.FlagSets {
		cmd.Flags().AddFlagSet(fs)
	}
	for flag, shipped := range map[string]string{
		"leader-elect-resource-name":      leaseName,
		"leader-elect-resource-namespace": leaseNamespace,
	} {
		// Without the flag the configuration decides; help should tell what it says.
		cmd.Flags().Lookup(flag).DefValue = shipped
	}
	columns, _, _ := term.TerminalSize(cmd.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(cmd, *opts.Flags, columns)
}
