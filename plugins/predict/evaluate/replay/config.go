// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"errors"
	"fmt"
	"slices"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/trimaran"
)

// Config is a scheduler to try.
type Config struct {
	Name string
	Kube *kubeschedulerconfig.KubeSchedulerConfiguration
	// Mover moves pods, up to so many an hour; "" is none. Base is then the name of the configuration without it.
	Base, Mover string
	Moves       int
}

// packs says that the mover empties nodes too, by the configuration's own args.
func (c *Config) packs() bool {
	args, err := c.rebalance()
	return err == nil && c.Mover == Rebalance && args.Packing.Mode == config.RebalanceEvict
}

// Stock is the name of the configuration that the others are held against.
const Stock = "stock"

const head = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: replay
`

// scoredBy is upstream's default profile with a score in place of those for resources.
func scoredBy(plugin, args string) string {
	return head + `
  plugins:
    score:
      enabled:
      - name: ` + plugin + `
        weight: 1
      disabled:
      - name: NodeResourcesFit
      - name: NodeResourcesBalancedAllocation
` + args
}

// onlyBy is upstream's default profile with one score only.
func onlyBy(plugin string) string {
	return head + `
  plugins:
    score:
      enabled:
      - name: ` + plugin + `
      disabled:
      - name: "*"
`
}

// builtIn configurations by name, in the order in which they are listed.
var builtIn = []struct{ name, data, help string }{
	{Stock, head, "kube-scheduler's default profile"},
	{"foresight", string(manifests.SchedulerConfig), "the shipped profile"},
	{"trimaran-tlp", scoredBy(trimaran.TargetLoadPackingName, `
  pluginConfig:
  - name: TargetLoadPacking
    args:
      targetUtilization: 40
`), "the default profile scored by Trimaran's TargetLoadPacking, target 40 %"},
	{"trimaran-lvrb", scoredBy(trimaran.LoadVariationRiskBalancingName, ""), "the default profile scored by Trimaran's LoadVariationRiskBalancing"},
	{"last-hour-max", scoredBy(lastHourMax, ""), "the default profile scored by the last hour's highest CPU use, with what came since counted by requests"},
	{"yesterday", onlyBy(repeats), "the node that would suffer least if each pod, the new one too, stayed and did what it did a day before"},
	{"known-hours", onlyBy(knownHours), "the node that would suffer least by the true mean and variance of each workload's CPU in each of the next 24 hours"},
	{"oracle", onlyBy(oracle), "the node whose CPU peak over the next 24 h will be the lowest: it knows the future"},
}

// BuiltIn returns the names of the configurations that need no file, in order, and what each is.
func BuiltIn() (names, help []string) {
	for _, b := range builtIn {
		names, help = append(names, b.name), append(help, b.help)
	}
	return names, help
}

// BuiltInConfig returns the configuration of that name, and an error where there is none.
func BuiltInConfig(name string) (*Config, error) {
	for _, b := range builtIn {
		if b.name == name {
			return ReadConfig(name, []byte(b.data))
		}
	}
	names, _ := BuiltIn()
	return nil, fmt.Errorf("%q: want NAME=FILE, or one of %v", name, names)
}

// ReadConfig reads a KubeSchedulerConfiguration as the scheduler would.
func ReadConfig(name string, data []byte) (*Config, error) {
	plugins.RegisterArgs()
	object, _, err := scheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	if err != nil {
		return nil, err
	}
	kube, ok := object.(*kubeschedulerconfig.KubeSchedulerConfiguration)
	if !ok {
		return nil, fmt.Errorf("want a KubeSchedulerConfiguration, got %T", object)
	}
	if err := validation.ValidateKubeSchedulerConfiguration(kube); err != nil {
		return nil, err
	}
	switch {
	case len(kube.Profiles) != 1:
		return nil, fmt.Errorf("profiles: %d: a replay has pods of one profile only", len(kube.Profiles))
	case len(kube.Extenders) > 0:
		return nil, errors.New("extenders: a replay has no extenders to ask")
	}
	c := &Config{Name: name, Kube: kube}
	if _, err := c.prediction(); err != nil {
		return nil, err
	}
	args, err := c.rebalance()
	if err != nil {
		return nil, err
	}
	if args.Mode == config.RebalanceEvict {
		c.Mover, c.Moves = Rebalance, int(args.MaxMoves.PerHour)
	}
	return c, nil
}

// indexed says that the node index serves the profile: as in the shipped scheduler, where it is not turned off.
func (c *Config) indexed() bool {
	for _, pc := range c.Kube.Profiles[0].PluginConfig {
		if args, ok := pc.Args.(*config.NodeIndexArgs); ok && pc.Name == nodeindex.Name {
			return args.Enabled
		}
	}
	return true
}

// prediction returns the args of the engine that the configuration asks for, or nil where it asks for none. Where usage comes
// from is the replay's matter: it is measured each step, and never late.
func (c *Config) prediction() (*config.PredictionArgs, error) {
	p := &c.Kube.Profiles[0]
	var args *config.PredictionArgs
	for _, pc := range p.PluginConfig {
		if a, ok := pc.Args.(*config.PredictionArgs); ok && pc.Name == "Prediction" {
			args = a.DeepCopy()
		}
	}
	if args == nil && c.trimaran() {
		return defaultPrediction()
	}
	if args == nil || args.Usage.Source == config.UsageFromNowhere {
		return nil, nil
	}
	return inReplay(args)
}

// defaultPrediction returns the args of an engine whose configuration has none.
func defaultPrediction() (*config.PredictionArgs, error) {
	args, defaults := &config.PredictionArgs{}, &configv1.PredictionArgs{}
	configv1.SetDefaults_PredictionArgs(defaults)
	if err := configv1.Convert_v1_PredictionArgs_To_config_PredictionArgs(defaults, args, nil); err != nil {
		return nil, err
	}
	return inReplay(args)
}

// rebalance returns the args of the rebalancer: the configuration's, or the defaults.
func (c *Config) rebalance() (*config.RebalanceArgs, error) {
	for _, pc := range c.Kube.Profiles[0].PluginConfig {
		if args, ok := pc.Args.(*config.RebalanceArgs); ok && pc.Name == "Rebalance" {
			return args, config.ValidateRebalanceArgs(config.ArgsPath("Rebalance"), args).ToAggregate()
		}
	}
	args, defaults := &config.RebalanceArgs{}, &configv1.RebalanceArgs{}
	configv1.SetDefaults_RebalanceArgs(defaults)
	return args, configv1.Convert_v1_RebalanceArgs_To_config_RebalanceArgs(defaults, args, nil)
}

// inReplay returns args for an engine that is driven step by step.
func inReplay(args *config.PredictionArgs) (*config.PredictionArgs, error) {
	if err := config.ValidatePredictionArgs(config.ArgsPath("Prediction"), args).ToAggregate(); err != nil {
		return nil, err
	}
	args.Usage.Interval.Duration = world.Step
	args.Usage.Window.Duration = max(args.Usage.Window.Duration, 3*world.Step)
	args.Usage.Expiry.Duration = max(args.Usage.Expiry.Duration, 2*world.Step)
	args.ColdStart.Duration = max(args.ColdStart.Duration, world.Step)
	args.Checkpoint.Path = ""
	return args, nil
}

// trimaran says that the profile scores by one of Trimaran's plugins.
func (c *Config) trimaran() bool {
	p := c.Kube.Profiles[0].Plugins
	if p == nil {
		return false
	}
	scores := trimaran.Factories(trimaran.Options{})
	for _, enabled := range slices.Concat(p.MultiPoint.Enabled, p.PreScore.Enabled, p.Score.Enabled) {
		if scores[enabled.Name] != nil {
			return true
		}
	}
	return false
}
