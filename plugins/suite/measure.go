// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/configured"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// measuredBy returns the usage args that name the Prometheus server for the queries of objectives,
// or nil if no objective has a query.
func measuredBy(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*config.UsageArgs, error) {
	asked := queryIn(cfg)
	if asked == nil {
		return nil, nil
	}
	args, found, err := profiles.SoleArgs[*config.PredictionArgs](cfg, config.PredictionName)
	if err != nil {
		return nil, err
	}
	server := config.ArgsPath(config.PredictionName).Child("usage", "prometheus")
	if !found || args.Usage.Prometheus.URL == "" {
		return nil, field.Required(server.Child("url"), asked.String()+" is asked of that server")
	}
	if err := config.ValidatePrometheusArgs(server, &args.Usage.Prometheus).ToAggregate(); err != nil {
		return nil, err
	}
	return &args.Usage, nil
}

// queryIn returns the path of the first objective's query in the configuration, or nil if there is
// none.
func queryIn(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) *field.Path {
	for i := range cfg.Profiles {
		for _, pc := range cfg.Profiles[i].PluginConfig {
			args, ok := pc.Args.(*config.PredictedQoSArgs)
			if !ok {
				continue
			}
			for k := range args.Objectives {
				if args.Objectives[k].Query != "" {
					return field.NewPath("profiles").Index(i).Child("pluginConfig").Key(pc.Name).Child("args", "objectives").Index(k).Child("query")
				}
			}
		}
	}
	return nil
}

// measure starts asking the queries of objectives, if there are any, until ctx ends.
func (s *Suite) measure(ctx context.Context, c *schedulerserverconfig.CompletedConfig) error {
	if s.measured == nil {
		return nil
	}
	asker, err := configured.PodAsker(s.measured, c.KubeConfig)
	if err != nil {
		return err
	}
	s.learning.Go(func() { s.QoS.Measure(ctx, asker, s.measured.Interval.Duration) })
	return nil
}
