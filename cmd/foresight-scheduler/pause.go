// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/fence"
)

// pauseWithoutLease takes no pod from the queue while none could be bound. Between the time when the lease may be another's
// and the end of the process every pod would else be tried again and again, with several errors in the log each time.
func pauseWithoutLease(ctx context.Context, sched *scheduler.Scheduler, c *schedulerserverconfig.CompletedConfig) {
	f := fence.Of(c.LeaderElection)
	if f == nil {
		return
	}
	next := sched.NextEntity
	sched.NextEntity = func(logger klog.Logger) (framework.QueuedEntityInfo, error) {
		f.Await(ctx)
		return next(logger)
	}
}
