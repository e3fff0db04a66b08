// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"sigs.k8s.io/yaml"
)

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
