// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// anotherConfiguration returns what makes the profiles of a configuration that somebody sends. It is read from what was sent and nowhere
// else, and no part of it but the profiles' plugins and their args has an effect: no file or address that it names is opened.
func anotherConfiguration(evaluator *evaluate.Evaluator, ours frameworkruntime.Registry) func(context.Context, []byte) (*evaluate.Profiles, string, error) {
	return func(ctx context.Context, data []byte) (*evaluate.Profiles, string, error) {
		cfg, err := decodeConfiguration(data)
		if err != nil {
			return nil, "", err
		}
		if err := profiles.RefuseUnknown(cfg, ours); err != nil {
			return nil, "", err
		}
		another, err := evaluator.Another(ctx, cfg.Profiles)
		if err != nil {
			return nil, "", err
		}
		if err := profiles.RefuseIneffective(ctx, cfg, ours, another.Made()); err != nil {
			another.Close()
			return nil, "", err
		}
		another.Lacks = append(another.Lacks, passedOver(cfg)...)
		return another, cfg.Profiles[0].SchedulerName, nil
	}
}

func decodeConfiguration(data []byte) (*kubeschedulerconfig.KubeSchedulerConfiguration, error) {
	obj, kind, err := scheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	if err != nil {
		return nil, errors.New(decision.Cut(err.Error()))
	}
	cfg, ok := obj.(*kubeschedulerconfig.KubeSchedulerConfiguration)
	if !ok {
		return nil, fmt.Errorf("want a KubeSchedulerConfiguration, got %s", kind)
	}
	cfg.APIVersion = kind.GroupVersion().String() // as upstream has it
	return cfg, validation.ValidateKubeSchedulerConfiguration(cfg)
}

// passedOver names what of the configuration a trial does not take into account.
func passedOver(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (lacks []string) {
	given := sets.New[string]()
	for i := range cfg.Profiles {
		for _, pc := range cfg.Profiles[i].PluginConfig {
			if slices.Contains(config.NotPlugins(), pc.Name) {
				given.Insert(pc.Name)
			}
		}
	}
	for _, name := range sets.List(given) {
		lacks = append(lacks, "args of "+name+" in the other configuration: the scheduler's own hold")
	}
	if len(cfg.Extenders) > 0 {
		lacks = append(lacks, "extenders of the other configuration")
	}
	return lacks
}
