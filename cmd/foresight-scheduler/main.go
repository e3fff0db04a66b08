// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command foresight-scheduler is upstream's kube-scheduler with Foresight's plugins.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	// As kube-scheduler's own main has it: --logging-format=json, and the metrics of
	// requests to the API server and of the version.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	os.Exit(cli.Run(newCommand()))
}
