// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/foresight-scheduler/foresight/plugins/suite"
)

// A scheduler of one's own with all of Foresight in it: its plugins, its predictions and its node index. It takes kube-scheduler's flags.
func myScheduler(ctx context.Context, args ...string) error {
	opts := options.NewOptions()
	flags := pflag.NewFlagSet("my-scheduler", pflag.ContinueOnError)
	for _, fs := range opts.Flags.FlagSets {
		flags.AddFlagSet(fs)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := opts.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	s, err := suite.Load(ctx, opts)
	if err != nil {
		return err
	}
	completed, sched, err := app.Setup(ctx, opts, s.Plugins()...) // with app.WithPlugin for each plugin of yours
	if err != nil {
		return err
	}
	if err := s.Install(ctx, completed, sched, nil); err != nil {
		return err
	}
	return s.Run(ctx, completed, sched)
}

const configuration = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
profiles:
- schedulerName: my-scheduler
  plugins:
    multiPoint:
      enabled: [{name: Taints, weight: 3}, {name: Affinity, weight: 2}, {name: ResourceFit, weight: 2}]
      disabled: [{name: TaintToleration}, {name: NodeAffinity}, {name: NodeResourcesFit}, {name: NodeResourcesBalancedAllocation}]
  pluginConfig:
  - name: Prediction
    args: {usage: {source: MetricsAPI, interval: 1s}}
`

// Two nodes of four CPUs have no pods yet. One of them uses 3.9 CPUs all the same, and by requests alone the two are equal.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	c := newCluster()
	file, err := os.CreateTemp("", "my-scheduler-*.yaml")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.WriteString(configuration); err != nil {
		log.Fatal(err)
	}

	ended := make(chan error)
	go func() { ended <- myScheduler(ctx, "--config", file.Name(), "--master", c.URL, "--secure-port", "0") }()

	select {
	case node := <-c.bound:
		fmt.Println("web is placed on", node)
		fmt.Println("nodes found by the index:", counted("foresight_node_index_searches_total", "result", "accepted"))
	case err := <-ended:
		log.Fatal(err)
	}
	stop()
	c.close()
	<-ended
	// Output:
	// web is placed on idle
	// nodes found by the index: 1
}
