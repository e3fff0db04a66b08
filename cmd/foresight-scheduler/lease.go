// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/fence"
	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/inflight"
	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/readiness"
)

// installFence lets the scheduler write only while it holds its lease, where there is one.
func installFence(ctx context.Context, c *schedulerserverconfig.CompletedConfig) error {
	if c.LeaderElection == nil {
		return nil
	}
	metrics := fence.NewMetrics()
	metrics.Register(legacyregistry.MustRegister)
	return fence.Install(c.LeaderElection, c.Client, metrics, func() {
		// As upstream ends when it has lost the lease, only sooner.
		klog.FromContext(ctx).Error(nil, "Another one holds the leader lease that was ours")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	})
}

// boundWrites has no more writes on their way to the API server than it answers soon. Call it after installFence: what has waited
// for its turn is to pass the fence then.
func boundWrites(c *schedulerserverconfig.CompletedConfig) error {
	return inflight.Install(c.Client, inflight.Limit, legacyregistry.MustRegister)
}

// installReadiness has /readyz fail while the scheduler cannot lead because it cannot reach its lease.
func installReadiness(ctx context.Context, c *schedulerserverconfig.CompletedConfig) {
	if c.LeaderElection == nil {
		return
	}
	lock := readiness.Watch(ctx, c.LeaderElection.Lock, c.LeaderElection.LeaseDuration)
	c.LeaderElection.Lock = lock
	c.Authorization.Authorizer = readiness.Authorizer(c.Authorization.Authorizer, lock.Check)
}
