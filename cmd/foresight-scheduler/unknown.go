// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"sigs.k8s.io/yaml"
)

// refuseUnknownArgs returns an error for a plugin that there is none of, where it is enabled, and for args of one: upstream
// passes over those, and a misspelt name would leave a plugin with its defaults.
func refuseUnknownArgs(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, ours frameworkruntime.Registry) error {
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

// explainVersion adds to the error of reading a configuration what is to be done where it is one of a version that Kubernetes does
// not read any more, as in the samples of Trimaran.
func explainVersion(file string, err error) error {
	data, unread := os.ReadFile(file)
	if unread != nil {
		return err
	}
	var config struct {
		APIVersion string `json:"apiVersion"`
		Profiles   []struct {
			PluginConfig []struct {
				Name string `json:"name"`
				Args struct {
					APIVersion string `json:"apiVersion"`
				} `json:"args"`
			} `json:"pluginConfig"`
		} `json:"profiles"`
	}
	if yaml.Unmarshal(data, &config) != nil {
		return err
	}
	current := kubeschedulerconfig.GroupName + "/v1"
	old := func(version string) bool {
		of, wrong := schema.ParseGroupVersion(version)
		return wrong == nil && of.Group == kubeschedulerconfig.GroupName && version != current
	}
	if old(config.APIVersion) {
		return fmt.Errorf("apiVersion: %.100q is not read any more: change it to %s (%w)", config.APIVersion, current, err)
	}
	for i, profile := range config.Profiles {
		for j, pc := range profile.PluginConfig {
			if old(pc.Args.APIVersion) {
				return fmt.Errorf("profiles[%d].pluginConfig[%d].args.apiVersion: %.100q of %.100q is not read any more: change it to %s (%w)",
					i, j, pc.Args.APIVersion, pc.Name, current, err)
			}
		}
	}
	return err
}
