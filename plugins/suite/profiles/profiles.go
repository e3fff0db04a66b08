// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package profiles reads our args in the profiles of a KubeSchedulerConfiguration, and refuses what upstream would pass over.
package profiles

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/profile"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
)

// notPlugins are the names under which a pluginConfig holds args of ours that are no plugin's.
var notPlugins = sets.New(config.NotPlugins()...)

// SoleArgs returns the args under a name that stands in one profile and holds for all, or the zero value.
func SoleArgs[T runtime.Object](cfg *kubeschedulerconfig.KubeSchedulerConfiguration, name string) (args T, found bool, err error) {
	for i := range cfg.Profiles {
		for _, pc := range cfg.Profiles[i].PluginConfig {
			if pc.Name != name {
				continue
			}
			if found {
				return args, true, fmt.Errorf("profiles[%d].pluginConfig[%s]: it stands in another profile already, and holds for all", i, name)
			}
			if args, err = config.As[T](pc.Args); err != nil {
				return args, false, fmt.Errorf("profiles[%d].pluginConfig[%s].args: %w", i, name, err)
			}
			found = true
		}
	}
	return args, found, nil
}

// SoleOrDefault is SoleArgs with the defaults in place of args that are not given.
func SoleOrDefault[T runtime.Object](cfg *kubeschedulerconfig.KubeSchedulerConfiguration, name string) (T, error) {
	args, found, err := SoleArgs[T](cfg, name)
	if err != nil || found {
		return args, err
	}
	return Defaults[T](name)
}

// Defaults returns the args under a name as they are where a configuration says nothing of them.
func Defaults[T runtime.Object](name string) (args T, err error) {
	obj, err := defaults(name)
	if err != nil {
		return args, err
	}
	if args, err = config.As[T](obj); err != nil {
		return args, fmt.Errorf("args of %s: %w", name, err)
	}
	return args, nil
}

func defaults(name string) (runtime.Object, error) {
	kind := configv1.SchemeGroupVersion.WithKind(name + "Args")
	args, _, err := scheme.Codecs.UniversalDecoder().Decode(nil, &kind, nil)
	return args, err
}

// Complete returns the profiles that were read, with the defaults of our enabled plugins whose args are not given: what
// is written and shown can be read again, and says the same. (What upstream writes has args of enabled plugins only, and from
// -v=2 on that takes the place of what was read.)
func Complete(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, ours frameworkruntime.Registry, made profile.Map) ([]kubeschedulerconfig.KubeSchedulerProfile, error) {
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
			args, err := defaults(name)
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
