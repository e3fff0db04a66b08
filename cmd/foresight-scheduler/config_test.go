// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
)

// A process without --config keeps no checkpoint: the shipped path is in the Deployment's volume, and two by hand on one
// machine would share the file. With --config the path is what the file says.
func TestCheckpointIsTheDeploymentsOwn(t *testing.T) {
	plugins.RegisterArgs()
	opts := options.NewOptions()
	shipped := "../../manifests/base/config.yaml"
	file, err := shippedConfig(opts, newOldFlags())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, want := range map[string]string{file.Name(): "", shipped: "/var/lib/foresight/checkpoint"} {
		cfg, err := options.LoadConfigFromFile(klog.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		args := argsOf[*config.PredictionArgs](t, cfg, config.PredictionName)
		if args.Usage.Source != config.UsageFromMetricsAPI || args.Checkpoint.Path != want {
			t.Errorf("%s: usage is read from %s, and the checkpoint is %q, want %q", name, args.Usage.Source, args.Checkpoint.Path, want)
		}
	}
}
