// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"fmt"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	upstreamv1 "k8s.io/kubernetes/pkg/scheduler/apis/config/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/config"
)

// If an extender manages a resource that is ignoredByScheduler, upstream adds the resource to the
// args of NodeResourcesFit in every profile. It does not start if a profile lacks these args, as a
// profile with ResourceFit does. Two things solve this here: the resources are added to the args of
// ResourceFit, and upstream reads a file in which every profile has args of NodeResourcesFit,
// whether the plugin is enabled or not.

// ignoreExtendersResources adds such resources to the args of ResourceFit. It returns the
// configuration for upstream to read, or nil if no extender has such resources and cfg will do.
func ignoreExtendersResources(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*kubeschedulerconfig.KubeSchedulerConfiguration, error) {
	var ignored []string
	for i := range cfg.Extenders {
		for _, r := range cfg.Extenders[i].ManagedResources {
			if r.IgnoredByScheduler {
				ignored = append(ignored, r.Name)
			}
		}
	}
	if len(ignored) == 0 {
		return nil, nil
	}
	for i := range cfg.Profiles {
		for _, pc := range cfg.Profiles[i].PluginConfig {
			if args, ok := pc.Args.(*config.ResourceFitArgs); ok {
				args.IgnoredResources = append(slices.Clone(args.IgnoredResources), ignored...)
			}
		}
	}
	full := cfg.DeepCopy()
	for i := range full.Profiles {
		p := &full.Profiles[i]
		if slices.ContainsFunc(p.PluginConfig, func(pc kubeschedulerconfig.PluginConfig) bool { return pc.Name == names.NodeResourcesFit }) {
			continue
		}
		written, args := &kubeschedulerv1.NodeResourcesFitArgs{}, &kubeschedulerconfig.NodeResourcesFitArgs{}
		scheme.Scheme.Default(written)
		if err := upstreamv1.Convert_v1_NodeResourcesFitArgs_To_config_NodeResourcesFitArgs(written, args, nil); err != nil {
			return nil, err
		}
		p.PluginConfig = append(p.PluginConfig, kubeschedulerconfig.PluginConfig{Name: names.NodeResourcesFit, Args: args})
	}
	return full, nil
}

// inMemory returns an open file in memory that holds the configuration. Its name is its path; see
// MemoryFile.
func inMemory(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*os.File, error) {
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeYAML)
	if !ok {
		return nil, fmt.Errorf("no serializer for %s", runtime.ContentTypeYAML)
	}
	data, err := runtime.Encode(scheme.Codecs.EncoderForVersion(info.Serializer, kubeschedulerv1.SchemeGroupVersion), cfg)
	if err != nil {
		return nil, err
	}
	return MemoryFile(data)
}
