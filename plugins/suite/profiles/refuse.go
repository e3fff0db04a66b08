// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package profiles

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/klog/v2"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/profile"

	"github.com/foresight-scheduler/foresight/config"
)

// RefuseUnknown returns an error for a plugin that there is none of, where it is enabled, and for args of one: upstream
// passes over those, and a misspelt name would leave a plugin with its defaults.
func RefuseUnknown(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, ours frameworkruntime.Registry) error {
	upstream := frameworkplugins.NewInTreeRegistry()
	exists := func(name string) bool {
		_, isOurs := ours[name]
		_, isUpstreams := upstream[name]
		return isOurs || isUpstreams
	}
	for i := range cfg.Profiles {
		// Those that are enabled come first: upstream adds the default args of each whose kind somebody has registered, so that
		// pluginConfig names it too, in an entry that is not in the file.
		if plugins := cfg.Profiles[i].Plugins; plugins != nil {
			sets := reflect.ValueOf(plugins).Elem()
			for k := range sets.NumField() {
				set, ok := sets.Field(k).Interface().(kubeschedulerconfig.PluginSet)
				if !ok {
					continue
				}
				for _, p := range set.Enabled {
					if !exists(p.Name) {
						point := sets.Type().Field(k).Name
						return fmt.Errorf("profiles[%d].plugins.%s.enabled: %.100q: there is no such plugin", i, strings.ToLower(point[:1])+point[1:], p.Name)
					}
				}
			}
		}
		for j, pc := range cfg.Profiles[i].PluginConfig {
			if !exists(pc.Name) && !notPlugins.Has(pc.Name) {
				return fmt.Errorf("profiles[%d].pluginConfig[%d].name: %.100q: there is no such plugin", i, j, pc.Name)
			}
		}
	}
	return nil
}

// twins are upstream's plugins that ours hold.
var twins = map[string][]string{
	config.AffinityName:    {names.NodeAffinity},
	config.TaintsName:      {names.TaintToleration},
	config.ResourceFitName: {names.NodeResourcesFit},
}

// RefuseIneffective returns an error for what upstream would pass over, or do twice: args of a plugin of ours that the profile
// does not enable, a plugin of upstream's that filters beside ours which holds it, and two writers of one file. What may be
// meant is logged.
func RefuseIneffective(ctx context.Context, cfg *kubeschedulerconfig.KubeSchedulerConfiguration, ours frameworkruntime.Registry, made profile.Map) error {
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
