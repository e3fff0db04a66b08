// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// newClaims returns what pods may claim.
func newClaims(cfg *kubeschedulerconfig.KubeSchedulerConfiguration) (*claims.Policy, error) {
	args, err := profiles.SoleOrDefault[*config.ClaimsArgs](cfg, config.ClaimsName)
	if err != nil {
		return nil, err
	}
	if err := config.ValidateClaimsArgs(config.ArgsPath(config.ClaimsName), args).ToAggregate(); err != nil {
		return nil, err
	}
	return claims.NewPolicy(args)
}

// tellClaims has every profile, whichever plugins it has, tell of what pods say without effect. Who does not lead schedules
// no pod, and tells nothing.
func tellClaims(sched *scheduler.Scheduler, policy *claims.Policy) {
	teller := &claims.Teller{Policy: policy}
	for name, profile := range sched.Profiles {
		sched.Profiles[name] = &telling{profile, teller}
	}
}

type telling struct {
	framework.Framework
	teller *claims.Teller
}

func (t *telling) RunPreFilterPlugins(ctx context.Context, state fwk.CycleState, pod *v1.Pod) (*fwk.PreFilterResult, *fwk.Status, sets.Set[string]) {
	t.teller.Tell(t.EventRecorder(), pod)
	return t.Framework.RunPreFilterPlugins(ctx, state, pod)
}
