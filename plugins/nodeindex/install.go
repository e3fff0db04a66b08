// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"errors"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
)

// Options of the index.
type Options struct {
	Metrics *Metrics
}

// Install puts the index between the scheduler and its cache and profiles. Call it before the
// informers start: the index learns of changes from then on. profiles are those of the
// configuration that the scheduler was made from. It returns an error where upstream would
// never ask for a hint.
func Install(sched *scheduler.Scheduler, profiles []kubeschedulerconfig.KubeSchedulerProfile, factory informers.SharedInformerFactory, opts Options) error {
	if !utilfeature.DefaultFeatureGate.Enabled(features.OpportunisticBatching) {
		return errors.New("the node index needs the feature gate OpportunisticBatching: upstream asks for node hints only then")
	}
	if opts.Metrics == nil {
		opts.Metrics = NewMetrics()
	}
	changes := newChanges()
	sched.Cache = &cache{Cache: sched.Cache, changes: changes}
	index := newIndex(changes, newOwners(factory), opts.Metrics)
	gates := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
	for i := range profiles {
		name := profiles[i].SchedulerName
		f, ok := sched.Profiles[name]
		if !ok {
			return errors.New("the scheduler has no profile " + name)
		}
		sched.Profiles[name] = &hinted{Framework: f, index: index, policy: policyOf(f.ListPlugins(), profiles[i].PluginConfig, gates)}
	}
	return nil
}
