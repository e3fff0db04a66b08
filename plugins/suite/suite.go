// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package suite is everything of Foresight that belongs in a scheduler: the plugins, the engine
// that predicts for them, and the node index. Foresight's own command is one scheduler with a
// Suite; the example is another.
//
// A Suite goes through four steps, in this order:
//
//  1. Load or New makes it from a configuration.
//  2. Plugins returns its plugins, for app.Setup.
//  3. Install puts it into the scheduler that app.Setup returned.
//  4. Run runs it, as do Start and app.Run.
//
// Metrics are registered with legacyregistry, as kube-scheduler's are, so a process can have only
// one Suite.
package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/verdict"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// Suite is what one scheduler has of Foresight.
type Suite struct {
	// Engine collects usage, learns and predicts. It is nil if the configuration asks for none.
	Engine *learn.Engine
	// Claims is the policy of what pods may claim.
	Claims *claims.Policy
	// QoS is the state that the PredictedQoS plugins of all profiles share.
	QoS *qos.Service
	// Registry holds the factories of our plugins, by name.
	Registry frameworkruntime.Registry

	// measured names the server for the queries of objectives. It is nil if there are no queries.
	measured *config.UsageArgs
	config   *kubeschedulerconfig.KubeSchedulerConfiguration
	judges   *judge.Plugins
	file     *os.File // what upstream is to read in place of the configuration's file; nil is that file
	learning sync.WaitGroup
}

// beyond are the names of args that the Suite itself does not read. They are for Foresight's own
// command, which records and serves decisions, can run in the shadow of another scheduler, and
// moves pods.
var beyond = []string{config.DecisionsName, config.ShadowName, config.RebalanceName}

// Load reads the configuration file that opts names and returns the Suite that it asks for.
func Load(ctx context.Context, opts *options.Options) (*Suite, error) {
	plugins.RegisterArgs()
	if opts.ConfigFile == "" {
		return nil, errors.New("--config: name a KubeSchedulerConfiguration with Foresight's plugins, such as manifests/base/config.yaml")
	}
	cfg, err := options.LoadConfigFromFile(klog.FromContext(ctx), opts.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("reading --config: %w", err)
	}
	opts.ApplyLeaderElectionTo(cfg)
	for i := range cfg.Profiles {
		for j, pc := range cfg.Profiles[i].PluginConfig {
			if pc.Name == config.ShadowName {
				return nil, fmt.Errorf("profiles[%d].pluginConfig[%d]: %s is for foresight-scheduler only: this scheduler would place pods", i, j, pc.Name)
			}
			if slices.Contains(beyond, pc.Name) {
				klog.FromContext(ctx).Info("Warning: args without effect: only foresight-scheduler reads them", "args", pc.Name)
			}
		}
	}
	return New(ctx, opts, cfg)
}

// New returns the Suite that cfg asks for. cfg has been read from the file that opts names, which
// upstream reads again in app.Setup. If upstream must see more than that file holds, New changes
// opts to name a file in memory.
func New(ctx context.Context, opts *options.Options, cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*Suite, error) {
	s := &Suite{config: cfg, judges: &judge.Plugins{}}
	if full, err := ignoreExtendersResources(cfg); err != nil {
		return nil, err
	} else if full != nil {
		if s.file, err = inMemory(full); err != nil {
			return nil, err
		}
		opts.ConfigFile = s.file.Name()
	}
	var err error
	if s.Engine, err = newEngine(ctx, cfg); err != nil {
		return nil, err
	}
	if s.measured, err = measuredBy(cfg); err != nil {
		return nil, err
	}
	if s.Claims, err = newClaims(cfg); err != nil {
		return nil, err
	}
	s.QoS = qos.NewService(cycle.NewViews(s.Engine.Reader()), s.Claims)
	s.Registry = plugins.Registry(plugins.Options{Engine: s.Engine, QoS: s.QoS, Judges: s.judges, Claims: s.Claims, NoPrediction: s.Engine == nil})
	return s, profiles.RefuseUnknown(cfg, s.Registry)
}

// Plugins returns our plugins as options of app.Setup.
func (s *Suite) Plugins() (with []app.Option) {
	for name, factory := range s.Registry {
		with = append(with, app.WithPlugin(name, factory))
	}
	return with
}

// Install puts the node index between the scheduler and its profiles, except profiles that turn the
// index off. It makes profiles send events for claims of pods without effect, and completes c's
// profiles with the args that upstream leaves out. Args that would have no effect are an error.
// Call Install after app.Setup and before anything runs. tell, which may be nil, is called with the
// index's answers.
func (s *Suite) Install(ctx context.Context, c *schedulerserverconfig.CompletedConfig, sched *scheduler.Scheduler, tell func(nodeindex.Answer)) error {
	if s.file != nil {
		_ = s.file.Close() // It has been read.
	}
	if err := profiles.RefuseIneffective(ctx, s.config, s.Registry, sched.Profiles); err != nil {
		return err
	}
	var err error
	if c.ComponentConfig.Profiles, err = profiles.Complete(s.config, s.Registry, sched.Profiles); err != nil {
		return err
	}
	if err := legacyregistry.CustomRegister(qos.NewMetrics(s.QoS)); err != nil {
		return fmt.Errorf("a process has one Suite: %w", err)
	}
	if err := legacyregistry.CustomRegister(verdict.NewMetrics(&s.QoS.Views().Verdicts)); err != nil {
		return err
	}
	metrics := nodeindex.NewMetrics()
	metrics.Register(legacyregistry.MustRegister)
	if err := nodeindex.Install(sched, c.ComponentConfig.Profiles, c.InformerFactory, nodeindex.Options{Metrics: metrics, Judges: s.judges, Tell: tell}); err != nil {
		return err
	}
	tellClaims(sched, s.Claims)
	return nil
}

// Start begins to ask the queries of objectives and, if there is an engine, to collect and learn.
// Both run until ctx ends. Call Start after Install and before app.Run.
func (s *Suite) Start(ctx context.Context, c *schedulerserverconfig.CompletedConfig) error {
	if err := s.measure(ctx, c); err != nil {
		return err
	}
	if s.Engine == nil {
		return nil
	}
	return s.startEngine(ctx, c)
}

// Wait returns when everything that Start began has ended and what was learned is saved.
func (s *Suite) Wait() {
	s.learning.Wait()
	s.QoS.Wait()
}

// Run is Start followed by upstream's app.Run. It returns when ctx has ended and what was learned
// is saved. If the lease is lost, upstream ends the process at once, and what was learned since the
// last save is lost. Foresight's own command avoids that.
func (s *Suite) Run(ctx context.Context, c *schedulerserverconfig.CompletedConfig, sched *scheduler.Scheduler) error {
	ctx, end := context.WithCancel(ctx)
	defer s.Wait()
	defer end()
	if err := s.Start(ctx, c); err != nil {
		return err
	}
	return app.Run(ctx, c, sched)
}
