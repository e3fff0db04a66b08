// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/klog/v2"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/profile"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/resourcefit"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// claimsName, decisionsName, shadowName and rebalanceName are where the args of packages claims, decision, shadow and rebalance stand in a
// pluginConfig.
const (
	claimsName    = "Claims"
	decisionsName = "Decisions"
	shadowName    = "Shadow"
	rebalanceName = "Rebalance"
)

// notPlugins are the names under which a pluginConfig holds args of ours that are no plugin's.
var notPlugins = sets.New(predictionName, nodeindex.Name, claimsName, decisionsName, shadowName, rebalanceName)

// soleArgs returns the args under a name that stands in one profile and holds for all, or the zero value.
func soleArgs[T runtime.Object](cfg *kubeschedulerconfig.KubeSchedulerConfiguration, name string) (args T, found bool, err error) {
	for i := range cfg.Profiles {
		for _, pc := range cfg.Profiles[i].PluginConfig {
			if pc.Name != name {
				continue
			}
			if found {
				return args, true, fmt.Errorf("profiles[%d].pluginConfig[%s]: it stands in another profile already, and holds for all", i, name)
			}
			if args, found = pc.Args.(T); !found {
				return args, false, fmt.Errorf("profiles[%d].pluginConfig[%s].args: want %T, got %T", i, name, args, pc.Args)
			}
		}
	}
	return args, found, nil
}

// newPolicy returns what pods may claim.
func newPolicy(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*claims.Policy, error) {
	args, found, err := soleArgs[*config.ClaimsArgs](cfg, claimsName)
	if err != nil {
		return nil, err
	}
	if !found {
		defaults := &configv1.ClaimsArgs{}
		configv1.SetDefaults_ClaimsArgs(defaults)
		args = &config.ClaimsArgs{}
		if err := configv1.Convert_v1_ClaimsArgs_To_config_ClaimsArgs(defaults, args, nil); err != nil {
			return nil, err
		}
	}
	if err := config.ValidateClaimsArgs(config.ArgsPath(claimsName), args).ToAggregate(); err != nil {
		return nil, err
	}
	return claims.NewPolicy(args)
}

// completeProfiles returns the profiles that were read, with the defaults of our enabled plugins whose args are not given: what
// is written and shown can be read again, and says the same. (What upstream writes has args of enabled plugins only, and from
// -v=2 on that takes the place of what was read.)
func completeProfiles(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, ours frameworkruntime.Registry, made profile.Map) ([]kubeschedulerconfig.KubeSchedulerProfile, error) {
	profiles := cfg.DeepCopy().Profiles
	for i := range profiles {
		p := &profiles[i]
		given := sets.New[string]()
		for _, pc := range p.PluginConfig {
			given.Insert(pc.Name)
		}
		for _, name := range sets.List(enabledIn(made, p)) {
			if ours[name] == nil || given.Has(name) {
				continue
			}
			kind := configv1.SchemeGroupVersion.WithKind(name + "Args")
			args, _, err := scheme.Codecs.UniversalDecoder().Decode(nil, &kind, nil)
			if runtime.IsNotRegisteredError(err) {
				continue // It has none.
			}
			if err != nil {
				return nil, err
			}
			p.PluginConfig = append(p.PluginConfig, kubeschedulerconfig.PluginConfig{Name: name, Args: args})
		}
	}
	return profiles, nil
}

// enabledIn returns the plugins of a profile, as upstream made it.
func enabledIn(made profile.Map, p *kubeschedulerconfig.KubeSchedulerProfile) sets.Set[string] {
	if f := made[p.SchedulerName]; f != nil {
		return sets.New(f.ListPlugins().Names()...)
	}
	return nil
}

// twins are upstream's plugins that ours hold.
var twins = map[string][]string{
	affinity.Name:    {names.NodeAffinity},
	taints.Name:      {names.TaintToleration},
	resourcefit.Name: {names.NodeResourcesFit},
}

// refuseIneffective returns an error for what upstream would pass over, or do twice: args of a plugin of ours that the profile
// does not enable, a plugin of upstream's that filters beside ours which holds it, and two writers of one file. What may be
// meant is logged.
func refuseIneffective(ctx context.Context, cfg *kubeschedulerconfig.KubeSchedulerConfiguration, ours frameworkruntime.Registry, made profile.Map) error {
	var errs field.ErrorList
	writers := map[string]*field.Path{}
	writes := func(path *field.Path, file string) {
		if file == "" {
			return
		}
		if other := writers[filepath.Clean(file)]; other != nil {
			errs = append(errs, field.Invalid(path, file, "is written by "+other.String()+" too"))
		}
		writers[filepath.Clean(file)] = path
	}
	for i := range cfg.Profiles {
		p, path := &cfg.Profiles[i], field.NewPath("profiles").Index(i)
		enabled := enabledIn(made, p)
		for j, pc := range p.PluginConfig {
			at := path.Child("pluginConfig").Index(j)
			switch args := pc.Args.(type) {
			case *config.PredictedQoSArgs:
				writes(at.Child("args", "feedback", "observationsFile"), args.Feedback.ObservationsFile)
			case *config.PredictionArgs:
				writes(at.Child("args", "checkpoint", "path"), args.Checkpoint.Path)
			}
			if enabled.Has(pc.Name) || notPlugins.Has(pc.Name) {
				continue
			}
			if ours[pc.Name] != nil {
				errs = append(errs, field.Invalid(at.Child("name"), pc.Name, "the profile does not enable this plugin: enable it in plugins.multiPoint, or take its args away"))
				continue
			}
			for holder, held := range twins {
				if enabled.Has(holder) && slices.Contains(held, pc.Name) {
					errs = append(errs, field.Invalid(at.Child("name"), pc.Name, "the profile does not enable this plugin: "+holder+" stands in for it, and takes args of its own"))
				}
			}
			klog.FromContext(ctx).Info("Warning: args without effect: the profile does not enable the plugin", "field", at.String(), "plugin", pc.Name)
		}
		errs = append(errs, refuseTwins(ctx, path, p, made)...)
	}
	return errs.ToAggregate()
}

// refuseTwins returns an error for each plugin that filters beside its holder. One that only scores beside it may be meant, as a
// second strategy.
func refuseTwins(ctx context.Context, path *field.Path, p *kubeschedulerconfig.KubeSchedulerProfile, made profile.Map) (errs field.ErrorList) {
	f := made[p.SchedulerName]
	if f == nil {
		return nil
	}
	has := func(set kubeschedulerconfig.PluginSet, name string) bool {
		return slices.ContainsFunc(set.Enabled, func(e kubeschedulerconfig.Plugin) bool { return e.Name == name })
	}
	plugins := f.ListPlugins()
	for _, holder := range sets.List(sets.KeySet(twins)) {
		for _, twin := range twins[holder] {
			if has(plugins.Filter, holder) && has(plugins.Filter, twin) {
				errs = append(errs, field.Invalid(path.Child("plugins", "multiPoint", "enabled"), twin, holder+" holds this plugin: disable it"))
			} else if has(plugins.Score, holder) && has(plugins.Score, twin) {
				klog.FromContext(ctx).Info("Nodes are scored by a plugin and by the one that holds it", "profile", p.SchedulerName, "plugin", twin, "holder", holder)
			}
		}
	}
	return errs
}
