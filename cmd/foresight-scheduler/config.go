// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/features"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/suite"
)

// The lease of the shipped configuration.
const (
	leaseName      = "foresight-scheduler"
	leaseNamespace = "foresight-system"
)

// prepareConfig makes opts.ConfigFile name the configuration to run with, reads it, and
// refuses one that would fight the default scheduler. The file must stay open until the
// configuration is read; the returned function, never nil, closes it.
func prepareConfig(ctx context.Context, opts *options.Options, old *oldFlags) (*kubeschedulerconfig.KubeSchedulerConfiguration, func(), error) {
	cleanup := func() {}
	if opts.ConfigFile == "" {
		file, err := shippedConfig(opts, old)
		if err != nil {
			return nil, cleanup, err
		}
		cleanup = func() { _ = file.Close() }
		opts.ConfigFile = file.Name()
	}
	cfg, err := options.LoadConfigFromFile(klog.FromContext(ctx), opts.ConfigFile)
	if err != nil {
		return nil, cleanup, fmt.Errorf("reading --config: %w", explainVersion(opts.ConfigFile, err))
	}
	opts.ApplyLeaderElectionTo(cfg)
	return cfg, cleanup, refuseCollision(cfg)
}

// refuseCollision returns an error where this scheduler and the default one would hold
// one lease: whoever loses it stops scheduling.
func refuseCollision(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) error {
	le := cfg.LeaderElection
	if !le.LeaderElect {
		return nil
	}
	if le.ResourceNamespace == metav1.NamespaceSystem && le.ResourceName == "kube-scheduler" {
		return fmt.Errorf("leaderElection.resourceName: the lease %s/%s is the default scheduler's; "+
			"set leaderElection.resourceName: %s and resourceNamespace: %s (or --leader-elect-resource-name and --leader-elect-resource-namespace)",
			le.ResourceNamespace, le.ResourceName, leaseName, leaseNamespace)
	}
	if utilfeature.DefaultFeatureGate.Enabled(features.CoordinatedLeaderElection) {
		return fmt.Errorf("--feature-gates: CoordinatedLeaderElection=true is not possible for a second scheduler: " +
			"upstream registers every scheduler as a candidate for kube-system/kube-scheduler")
	}
	return nil
}

// fieldOfFlag is where the configuration keeps what a flag of kube-scheduler says;
// upstream honours these flags only when there is no --config.
var fieldOfFlag = map[string][]string{
	"kubeconfig":            {"clientConnection", "kubeconfig"},
	"kube-api-content-type": {"clientConnection", "contentType"},
	"kube-api-qps":          {"clientConnection", "qps"},
	"kube-api-burst":        {"clientConnection", "burst"},
	"profiling":             {"enableProfiling"},
	"contention-profiling":  {"enableContentionProfiling"},
}

// shippedConfig returns an open file, named by its path, with the shipped configuration
// and what the flags say: app.Setup takes a configuration of one's own only as a file.
// It lives in memory, since a pod's file system is read-only and upstream may exit the
// process before anything could be removed.
func shippedConfig(opts *options.Options, old *oldFlags) (*os.File, error) {
	cfg, err := old.configuration()
	if err != nil {
		return nil, err
	}
	// Its path is in the Deployment's volume. A process without --config may run anywhere, beside others of its kind.
	for _, profile := range cfg["profiles"].([]any) {
		if args := argsIn(profile.(map[string]any), config.PredictionName); args != nil {
			delete(args, "checkpoint")
		}
	}
	for name, field := range fieldOfFlag {
		flag := opts.Flags.FlagSet("deprecated").Lookup(name)
		if !flag.Changed {
			continue
		}
		var value any = flag.Value.String()
		if flag.Value.Type() != "string" {
			if err := yaml.Unmarshal([]byte(flag.Value.String()), &value); err != nil {
				return nil, fmt.Errorf("--%s: %w", name, err)
			}
		}
		if err := unstructured.SetNestedField(cfg, value, field...); err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
	}
	data, err := yaml.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	return suite.MemoryFile(data)
}
