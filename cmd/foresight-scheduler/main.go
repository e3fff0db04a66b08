// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command foresight-scheduler is upstream's kube-scheduler with Foresight's plugins.
package main

import (
	"os"

	"k8s.io/component-base/cli"
)

func main() {
	os.Exit(cli.Run(newCommand()))
}
