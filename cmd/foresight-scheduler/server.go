// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/served"
)

// fitToServer turns off the feature gates that ask for APIs which the API server does not serve.
func fitToServer(ctx context.Context, opts *options.Options, cfg *kubeschedulerconfig.KubeSchedulerConfiguration, gates featuregate.FeatureGate) error {
	if opts.WriteConfigTo != "" {
		return nil // It needs no cluster.
	}
	kubeconfig, err := serverConfig(opts, cfg)
	if err != nil {
		return nil //nolint:nilerr // app.Setup reads it again and says what is wrong with it.
	}
	kubeconfig.Timeout = 10 * time.Second
	client, err := discovery.NewDiscoveryClientForConfig(kubeconfig)
	if err != nil {
		return nil //nolint:nilerr // As above.
	}
	return served.Adapt(ctx, client, gates)
}

func serverConfig(opts *options.Options, cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*rest.Config, error) {
	if opts.Master == "" && cfg.ClientConnection.Kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags(opts.Master, cfg.ClientConnection.Kubeconfig)
}

// cacheBound is how long the caches may take to fill, before the process ends and names those that have not. Half a million pods
// take less than a minute.
const cacheBound = 2 * time.Minute

// watchCaches ends the process when a cache does not fill, for which upstream would wait for ever.
func watchCaches(ctx context.Context, c *schedulerserverconfig.CompletedConfig) error {
	client, err := dynamic.NewForConfig(c.KubeConfig)
	if err != nil {
		return err
	}
	now := make(chan struct{})
	close(now)
	caches := served.Caches{
		Typed:   func() map[reflect.Type]bool { return c.InformerFactory.WaitForCacheSync(now) },
		Dynamic: func() map[schema.GroupVersionResource]bool { return c.DynInformerFactory.WaitForCacheSync(now) },
		Client:  client,
	}
	go func() {
		if err := served.AwaitCaches(ctx, caches, cacheBound); err != nil {
			klog.FromContext(ctx).Error(err, "The scheduler cannot work")
			klog.FlushAndExit(klog.ExitFlushTimeout, 1)
		}
	}()
	return nil
}
