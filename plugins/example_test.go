// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"fmt"

	"k8s.io/kubernetes/cmd/kube-scheduler/app"

	"github.com/foresight-scheduler/foresight/plugins"
)

// A scheduler binary of one's own with Foresight's plugins beside upstream's and others.
func ExampleRegistry() {
	var withPlugins []app.Option
	for name, factory := range plugins.Registry(plugins.Options{}) {
		withPlugins = append(withPlugins, app.WithPlugin(name, factory))
	}
	command := app.NewSchedulerCommand(withPlugins...)
	fmt.Println(command.Use, "with", len(withPlugins), "more plugins")
	// Output: kube-scheduler with 8 more plugins
}
