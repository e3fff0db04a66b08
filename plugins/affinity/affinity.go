// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package affinity is upstream's NodeAffinity plus service affinity and service
// anti-affinity: the pods of a Service kept together on equal values of node labels,
// or spread over them. The two were scheduler policies (ServiceAffinity,
// ServiceAntiAffinity) until Kubernetes dropped policies in 1.23. Against those: the
// pods of a Service are the ones its selector selects, not the ones that carry all
// labels of the newcomer (which a StatefulSet's never do); the pod that settles the
// values is the oldest one, not any one; and a pod without a Service is left alone.
package affinity

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	corelisters "k8s.io/client-go/listers/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeaffinity"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
)

// Name of the plugin in a KubeSchedulerConfiguration.
const Name = config.AffinityName

// Affinity composes upstream's NodeAffinity with service (anti-)affinity.
type Affinity struct {
	node     *nodeaffinity.NodeAffinity
	services corelisters.ServiceLister
	// profile holds the rules of pods without annotations.
	profile rules
	lists   claims.Lists
	nodes   pernode.Whole
	// antiAffinityWeight of service anti-affinity against preferred node affinity's 1.
	antiAffinityWeight int64
}

var (
	_ fwk.PreFilterPlugin     = &Affinity{}
	_ fwk.PreFilterExtensions = &Affinity{}
	_ fwk.FilterPlugin        = &Affinity{}
	_ fwk.PreScorePlugin      = &Affinity{}
	_ fwk.ScorePlugin         = &Affinity{}
	_ fwk.ScoreExtensions     = &Affinity{}
	_ fwk.EnqueueExtensions   = &Affinity{}
	_ fwk.SignPlugin          = &Affinity{}
)

// New makes the plugin from *config.AffinityArgs. It returns an error that names the
// field where the args are not valid.
func New(ctx context.Context, obj runtime.Object, h fwk.Handle, fts feature.Features) (fwk.Plugin, error) {
	args, err := config.As[*config.AffinityArgs](obj)
	if err != nil {
		return nil, err
	}
	path := config.ArgsPath(Name)
	if err := config.ValidateAffinityArgs(path, args).ToAggregate(); err != nil {
		return nil, err
	}
	nodeArgs := &kubeschedulerconfig.NodeAffinityArgs{AddedAffinity: args.AddedAffinity}
	if err := validation.ValidateNodeAffinityArgs(path, nodeArgs); err != nil {
		return nil, err
	}
	node, err := nodeaffinity.New(ctx, nodeArgs, h, fts)
	if err != nil {
		return nil, err
	}
	return &Affinity{
		node:               node.(*nodeaffinity.NodeAffinity),
		services:           h.SharedInformerFactory().Core().V1().Services().Lister(),
		profile:            rules{together: args.ServiceAffinity.Labels, apart: args.ServiceAntiAffinity.Labels},
		nodes:              pernode.WholeOf(h),
		antiAffinityWeight: int64(args.ServiceAntiAffinity.Weight),
	}, nil
}

// Name returns the name of the plugin.
func (a *Affinity) Name() string { return Name }
