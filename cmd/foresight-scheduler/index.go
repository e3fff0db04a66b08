// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"k8s.io/component-base/metrics/legacyregistry"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/pkg/scheduler"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// installIndex lets the profiles look at every node, but for those that turn it off. tell, which may be nil, takes what it says.
func installIndex(sched *scheduler.Scheduler, c *schedulerserverconfig.CompletedConfig, judges *judge.Plugins, tell func(nodeindex.Answer)) error {
	metrics := nodeindex.NewMetrics()
	metrics.Register(legacyregistry.MustRegister)
	return nodeindex.Install(sched, c.ComponentConfig.Profiles, c.InformerFactory, nodeindex.Options{Metrics: metrics, Judges: judges, Tell: tell})
}
