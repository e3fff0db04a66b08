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

// newClaims returns the policy of what pods may claim, made of the configuration's Claims args or
// of their defaults.
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

// tellClaims wraps every profile so that pods get an event for claims without effect, whichever
// plugins the profile has. A replica that does not lead schedules no pod and so sends no event.
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
