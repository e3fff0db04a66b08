// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"k8s.io/client-go/informers"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins"
)

func install(context.Context, *scheduler.Scheduler, *kubeschedulerconfig.KubeSchedulerConfiguration, plugins.Options, informers.SharedInformerFactory) error {
	return nil
}
