// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// placements are the nodes that pods were bound to.
type placements map[types.NamespacedName]string

// told returns where foresight puts the pending pods, where the floor is asked for: nodes that fit when it is their pod's turn.
func (o *options) told(ctx context.Context, c *synthetic.Cluster, mix string) (placements, error) {
	if !slices.Contains(o.variants, floor) {
		return nil, nil
	}
	placed := placements{}
	if _, err := runOnce(ctx, c, trial{variant: foresight, mix: mix, limit: max(o.limit, time.Minute), noted: placed}); err != nil {
		return nil, fmt.Errorf("variant %s: %w", floor, err)
	}
	return placed, nil
}

// install has upstream try the node of the table before it looks at any other, in every profile. Upstream's own filters judge that
// node, and no scorer is asked: a search could not cost less.
func (p placements) install(sched *scheduler.Scheduler) {
	for name, f := range sched.Profiles {
		sched.Profiles[name] = &toldFramework{f, p}
	}
}

type toldFramework struct {
	framework.Framework
	placed placements
}

func (t *toldFramework) GetNodeHint(_ context.Context, pod *v1.Pod, _ fwk.PodSignature, _ fwk.CycleState, _ int64) string {
	return t.placed[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}]
}

// StoreScheduleResults keeps batching out, which would answer for the pods that come next.
func (t *toldFramework) StoreScheduleResults(context.Context, fwk.PodSignature, string, string, framework.SortedScoredNodes, int64) {
}
